import TinyQueue from 'tinyqueue'
import type { Entry } from './lane.ts'
import type { FairShare, Level } from './level.ts'

/** A lane, as far as it has been gone through. */
interface Cursor {
  next: Entry | null
}

/** A caller's waiting tasks, as far as they have been gone through. */
interface TurnCursor {
  readonly lanes: readonly Cursor[]
  /** The oldest of what is left; null: nothing is. */
  first: Entry | null
  /** Virtual time at which it starts. */
  tag: number
  readonly weight: number
}

/**
 * Every waiting task in the order in which they would start, were every gate open. Costs O(callers) for the first task of a
 * level and O(log callers) for each further one.
 *
 * @param levels in the order in which they are looked at
 * @param work counts the entries that are looked at
 */
export function* createSchedule(levels: readonly Level[], work: { steps: number }): Generator<Entry> {
  const aged: LevelSchedule[] = []
  for (const level of levels) {
    if (level.length === 0) continue
    const schedule = new LevelSchedule(level, work)
    // Strict levels come first, in their order.
    if (level.aheadMs === Infinity) yield* schedule.takeAll()
    else aged.push(schedule)
  }
  for (let level = furthestAhead(aged); level !== null; level = furthestAhead(aged)) {
    const next = level.take()
    if (next !== null) yield next
  }
}

/** With a head start: the level whose oldest task is furthest ahead. */
function furthestAhead(levels: readonly LevelSchedule[]): LevelSchedule | null {
  let best: LevelSchedule | null = null
  let bestRank = Infinity
  for (const level of levels) {
    const rank = level.oldest - level.aheadMs
    if (rank >= bestRank) continue
    best = level
    bestRank = rank
  }
  return best
}

/** The tasks of one level: of the caller whose turn it is, the oldest. */
class LevelSchedule {
  readonly aheadMs: number
  readonly #turns: TinyQueue<TurnCursor>
  /** First tasks of callers by admission, where levels are compared by age; those that were taken are passed over. */
  readonly #ages: TinyQueue<FirstTask> | null
  readonly #work: { steps: number }

  constructor({ aheadMs, turns, virtual }: Level, work: { steps: number }) {
    this.aheadMs = aheadMs
    this.#work = work
    work.steps += turns.length
    const cursors = turns.map((turn) => createCursor(turn, virtual)).filter(({ first }) => first !== null)
    this.#turns = new TinyQueue(cursors, (a, b) => a.tag - b.tag || toSeq(a) - toSeq(b))
    const firstTasks = cursors.map((turn) => ({ turn, entry: turn.first as Entry }))
    this.#ages = aheadMs === Infinity ? null : new TinyQueue(firstTasks, byAdmission)
  }

  /** When the oldest first task of a caller was admitted, epoch ms; Infinity when none is left. */
  get oldest(): number {
    for (let first = this.#ages?.peek(); first !== undefined; first = this.#ages?.peek()) {
      if (first.turn.first === first.entry) return first.entry.ticket.createdAt
      this.#ages?.pop()
    }
    return Infinity
  }

  take(): Entry | null {
    const turn = this.#turns.pop()
    if (turn === undefined) return null
    this.#work.steps += 1
    const entry = turn.first as Entry
    const lane = turn.lanes.find(({ next }) => next === entry) as Cursor
    lane.next = entry.next
    turn.first = findOldest(turn.lanes)
    if (turn.first !== null) {
      turn.tag += 1 / turn.weight
      this.#turns.push(turn)
      this.#ages?.push({ turn, entry: turn.first })
    }
    return entry
  }

  *takeAll(): Generator<Entry> {
    for (let next = this.take(); next !== null; next = this.take()) yield next
  }
}

interface FirstTask {
  readonly turn: TurnCursor
  readonly entry: Entry
}

function byAdmission(a: FirstTask, b: FirstTask): number {
  return a.entry.ticket.createdAt - b.entry.ticket.createdAt
}

function createCursor({ lanes, tag, weight }: FairShare, virtual: number): TurnCursor {
  const cursors = lanes.map(({ head }) => ({ next: head }))
  return { lanes: cursors, first: findOldest(cursors), tag: Math.max(virtual, tag), weight }
}

function findOldest(lanes: readonly Cursor[]): Entry | null {
  let first: Entry | null = null
  for (const { next } of lanes) if (next !== null && (first === null || next.seq < first.seq)) first = next
  return first
}

function toSeq({ first }: TurnCursor): number {
  return first?.seq ?? Infinity
}
