import type { BoardFrame, BoardRow, Frame, Stats, TickFrame } from './types.ts'

/** The whole queue as it is shown to its watchers. Of others' tasks a caller's rows have no `task_id`. */
export interface Board {
  readonly stats: Stats
  readonly running: readonly BoardRow[]
  /** In the order in which they start; the first 200. */
  readonly waiting: readonly BoardRow[]
  /** Delayed, or waiting for a retry or a resource. */
  readonly parked: readonly BoardRow[]
  /** The newest end first. */
  readonly recent: readonly BoardRow[]
}

/** The board after a frame: a `board` replaces it, a `tick` changes it. Rows that did not change stay the same objects. */
export function applyFrame(board: Board | null, frame: Frame): Board | null {
  if (frame.type === 'board') return toBoard(frame as unknown as BoardFrame)
  if (frame.type !== 'tick' || board === null) return board
  return applyTick(board, frame as unknown as TickFrame)
}

function toBoard({ stats, running, waiting, parked, recent }: BoardFrame): Board {
  return { stats, running, waiting, parked, recent }
}

function applyTick(board: Board, tick: TickFrame): Board {
  const rows = new Map<number, BoardRow>()
  for (const list of [board.recent, board.parked, board.waiting, board.running]) {
    for (const row of list) rows.set(row.row, row)
  }
  for (const row of tick.gone) rows.delete(row)
  for (const row of tick.changed) rows.set(row.row, row)
  const all = [...rows.values()]
  const of = (...statuses: string[]) =>
    all.filter(({ status }) => statuses.includes(status)).sort(byAdmission)
  const order = tick.order ?? board.waiting.map(({ row }) => row)
  const waiting = order.flatMap((number) => {
    const row = rows.get(number)
    return row?.status === 'queued' ? [row] : []
  })
  return {
    stats: tick.stats ?? board.stats,
    running: of('running', 'cancelling'),
    waiting,
    parked: of('waiting', 'scheduled'),
    recent: all.filter(({ finished_at: at }) => at != null).sort(byEnd),
  }
}

function byAdmission(a: BoardRow, b: BoardRow): number {
  return a.created_at === b.created_at ? a.row - b.row : a.created_at < b.created_at ? -1 : 1
}

function byEnd(a: BoardRow, b: BoardRow): number {
  return (a.finished_at ?? '') < (b.finished_at ?? '') ? 1 : -1
}
