import { quantile, type Quantiles } from '../forecast/quantiles.ts'
import { TERMINAL_STATUSES, type TerminalStatus } from '../task/status.ts'

/** What happened in one minute, or in several together. Durations are ms; null: nothing to measure. */
export interface Minute {
  readonly submitted: number
  readonly refused: number
  /** First starts. */
  readonly started: number
  readonly ended: Readonly<Record<TerminalStatus, number>>
  /** Waits of the tasks that started. */
  readonly waits: Quantiles | null
  /** Within which nine of ten of them would start, as estimated at their admission: the median of it. */
  readonly estimatedP90: number | null
  /** Runs of the tasks that completed. */
  readonly runs: Quantiles | null
  readonly deepestQueue: number
  /** Tasks that ran, on average over the time. */
  readonly meanRunning: number
}

export const EMPTY_MINUTE: Minute = {
  submitted: 0,
  refused: 0,
  started: 0,
  ended: { completed: 0, error: 0, timeout: 0, cancelled: 0, expired: 0 },
  waits: null,
  estimatedP90: null,
  runs: null,
  deepestQueue: 0,
  meanRunning: 0,
}

/** Quantiles of durations; null of none. */
export function toQuantiles(durations: readonly number[]): Quantiles | null {
  if (durations.length === 0) return null
  const sorted = durations.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p90: quantile(sorted, 0.9) }
}

/**
 * Several minutes as one: numbers are added, the deepest queue is the deepest, and quantiles are the means of those of
 * the minutes by their tasks, which is near the quantile of all, not equal to it.
 *
 * @param count how many minutes they are, those without a row included
 */
export function combine(minutes: readonly Minute[], count: number): Minute {
  const sum = (of: (minute: Minute) => number) => minutes.reduce((total, minute) => total + of(minute), 0)
  const ended = Object.fromEntries(TERMINAL_STATUSES.map((end) => [end, sum((minute) => minute.ended[end])]))
  return {
    submitted: sum(({ submitted }) => submitted),
    refused: sum(({ refused }) => refused),
    started: sum(({ started }) => started),
    ended: ended as Record<TerminalStatus, number>,
    waits: meanQuantiles(
      minutes,
      ({ waits }) => waits,
      ({ started }) => started,
    ),
    estimatedP90: weightedMean(
      minutes,
      ({ estimatedP90 }) => estimatedP90,
      ({ started }) => started,
    ),
    runs: meanQuantiles(
      minutes,
      ({ runs }) => runs,
      (minute) => minute.ended.completed,
    ),
    deepestQueue: minutes.reduce((deepest, minute) => Math.max(deepest, minute.deepestQueue), 0),
    meanRunning: sum(({ meanRunning }) => meanRunning) / Math.max(1, count),
  }
}

/** Rows of minutes, JSON, each `size` of them combined into one, which begins at a multiple of it; rising by time. */
export function combineRows(
  rows: Iterable<{ readonly minute: number; readonly row: string }>,
  size: number,
): { minute: number; row: string }[] {
  const groups = new Map<number, Minute[]>()
  for (const { minute, row } of rows) {
    const first = Math.floor(minute / size) * size
    const group = groups.get(first) ?? []
    groups.set(first, group)
    group.push(JSON.parse(row) as Minute)
  }
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([minute, group]) => ({ minute, row: JSON.stringify(combine(group, size)) }))
}

type Of<Value> = (minute: Minute) => Value

function meanQuantiles(
  minutes: readonly Minute[],
  of: Of<Quantiles | null>,
  weight: Of<number>,
): Quantiles | null {
  const p50 = weightedMean(minutes, (minute) => of(minute)?.p50 ?? null, weight)
  const p90 = weightedMean(minutes, (minute) => of(minute)?.p90 ?? null, weight)
  return p50 === null || p90 === null ? null : { p50, p90 }
}

function weightedMean(minutes: readonly Minute[], of: Of<number | null>, weight: Of<number>): number | null {
  let [total, weights] = [0, 0]
  for (const minute of minutes) {
    const value = of(minute)
    if (value === null) continue
    const each = Math.max(1, weight(minute))
    total += value * each
    weights += each
  }
  return weights === 0 ? null : total / weights
}
