import type { HistoryJournal } from '../journal/journal.ts'
import { combine, type Minute } from './minute.ts'
import { MINUTE_MS } from './recorder.ts'

/** Points of one series at most: longer times have points of several minutes. */
const MAX_POINTS = 180

export interface HistoryPoint extends Minute {
  /** Epoch ms of its beginning. */
  readonly at: number
}

export interface History {
  /** Of one point. */
  readonly minutesPerPoint: number
  /** Rising by time; points without work are left out. */
  readonly points: readonly HistoryPoint[]
}

/** What happened in the last minutes, the one that is going on left out. @param now epoch ms */
export async function readHistory(journal: HistoryJournal, minutes: number, now: number): Promise<History> {
  const size = Math.ceil(minutes / MAX_POINTS)
  const from = Math.floor(now / MINUTE_MS) - minutes
  const rows = await journal.minutes(from)
  const groups = Map.groupBy(rows, ({ minute }) => Math.floor(minute / size) * size)
  const points = [...groups].map(([first, group]): HistoryPoint => {
    const parsed = group.map(({ row }) => JSON.parse(row) as Minute)
    return { at: first * MINUTE_MS, ...combine(parsed, size) }
  })
  return { minutesPerPoint: size, points: points.sort((a, b) => a.at - b.at) }
}
