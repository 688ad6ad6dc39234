import type { HistoryJournal } from '../journal/journal.ts'
import type { Minute } from './minute.ts'
import { MINUTE_MS } from '../time/minute.ts'

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
  const rows = await journal.minutes(from, size)
  const points = rows.map(({ minute, row }): HistoryPoint => {
    return { at: minute * MINUTE_MS, ...(JSON.parse(row) as Minute) }
  })
  return { minutesPerPoint: size, points }
}
