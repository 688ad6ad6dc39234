import { PRIORITIES, type Priority } from '../task/priority.ts'

/** A rate is measured from this many newest arrivals of a level. */
const KEPT = 200
/** A rate is measured over at least this many run times, within these bounds: a burst is not a lasting load. */
const MIN_RUNS = 20
const LEAST_MS = { min: 30_000, max: 5 * 60_000 }

/** How often tasks of a level came: the count, and the time in which they did, ms. */
export interface ArrivalRate {
  readonly count: number
  readonly overMs: number
  /** The types that came, newest last. */
  readonly types: readonly string[]
}

/** Measures how many tasks come, level by level. Instants are ms of one clock. */
export class Arrivals {
  readonly #since: number
  readonly #levels = PRIORITIES.map(() => ({ at: [] as number[], types: [] as string[] }))

  /** @param since when the counting began */
  constructor(since: number) {
    this.#since = since
  }

  add(priority: Priority, type: string, at: number): void {
    const level = this.#levels[priority]
    if (level === undefined) return
    level.at.push(at)
    level.types.push(type)
    if (level.at.length <= KEPT) return
    level.at.shift()
    level.types.shift()
  }

  /** @param meanRunMs of the tasks that run here */
  rateOf(priority: Priority, now: number, meanRunMs: number): ArrivalRate {
    const { at = [], types = [] } = this.#levels[priority] ?? {}
    const from = at.length < KEPT ? Math.min(this.#since, at[0] ?? now) : (at[0] ?? now)
    const leastMs = Math.min(LEAST_MS.max, Math.max(LEAST_MS.min, MIN_RUNS * meanRunMs))
    return { count: at.length, overMs: Math.max(leastMs, now - from), types }
  }

  /** Newest arrivals that are remembered of a level. */
  countOf(priority: Priority): number {
    return this.#levels[priority]?.at.length ?? 0
  }

  /** Of all levels together, tasks per minute. */
  perMinute(now: number, meanRunMs: number): number {
    return PRIORITIES.reduce<number>((sum, priority) => {
      const { count, overMs } = this.rateOf(priority, now, meanRunMs)
      return sum + (count / overMs) * 60_000
    }, 0)
  }
}
