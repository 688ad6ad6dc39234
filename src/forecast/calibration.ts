import { PRIORITIES, type Priority } from '../task/priority.ts'
import type { WaitEstimate } from '../task/task.ts'

/** This many newest waits of a level are compared with their estimates. */
const KEPT = 500

export interface Coverage {
  /** Waits that were compared with their estimates. */
  readonly samples: number
  /** Share that was not longer than estimated; null without samples. */
  readonly p50: number | null
  readonly p90: number | null
}

/** How often waits were within their estimates: the calibration. */
export class Calibration {
  readonly #levels = PRIORITIES.map(() => [] as { readonly p50: boolean; readonly p90: boolean }[])

  /** A task has started. An estimate of no wait is not counted. */
  add(priority: Priority, estimate: WaitEstimate, waitMs: number): void {
    if (estimate.p90 === 0) return
    const level = this.#levels[priority]
    level?.push({ p50: waitMs <= estimate.p50 * 1000, p90: waitMs <= estimate.p90 * 1000 })
    if (level !== undefined && level.length > KEPT) level.shift()
  }

  of(priority: Priority): Coverage {
    return computeCoverage(this.#levels[priority] ?? [])
  }

  get all(): Coverage {
    return computeCoverage(this.#levels.flat())
  }
}

function computeCoverage(seen: readonly { readonly p50: boolean; readonly p90: boolean }[]): Coverage {
  const share = (name: 'p50' | 'p90') =>
    seen.length === 0
      ? null
      : Math.round((seen.filter((each) => each[name]).length / seen.length) * 1000) / 1000
  return { samples: seen.length, p50: share('p50'), p90: share('p90') }
}
