import type { Clock } from '../../time/clock.ts'
import type { ProgressDetail } from '../../task/task.ts'
import type { Report } from '../ports.ts'

/** At most four progress events a second. */
const PROGRESS_INTERVAL_MS = 250
const BUDGET_WINDOW_MS = 1000

type ProgressReport = Extract<Report, { type: 'progress' }>

/**
 * Thins out a run's progress: the first is sent at once, then the latest every 250 ms. Values are clamped
 * to 0–100 and never fall.
 */
export class ProgressThrottle {
  readonly #send: (report: ProgressReport) => void
  readonly #clock: Clock
  #highest: number
  #pending: ProgressReport | null = null
  #takeBackTimer: (() => void) | null = null

  /** @param highest progress that earlier runs of the task have reached */
  constructor(send: (report: ProgressReport) => void, clock: Clock, highest = 0) {
    this.#highest = highest
    this.#send = send
    this.#clock = clock
  }

  report(progress: number, message: string | null, detail: ProgressDetail | null): void {
    const clamped = Number.isFinite(progress) ? Math.min(100, Math.max(0, progress)) : 0
    this.#highest = Math.max(this.#highest, clamped)
    this.#pending = { type: 'progress', progress: this.#highest, message, detail }
    if (this.#takeBackTimer === null) this.#sendPending()
  }

  /** Sends what is held back, so that nothing is lost at the end of a run, and stops the timer. */
  close(): void {
    this.#takeBackTimer?.()
    this.#takeBackTimer = null
    if (this.#pending !== null) this.#send(this.#pending)
    this.#pending = null
  }

  #sendPending(): void {
    this.#takeBackTimer = null
    if (this.#pending === null) return
    this.#send(this.#pending)
    this.#pending = null
    this.#takeBackTimer = this.#clock.after(PROGRESS_INTERVAL_MS, () => this.#sendPending())
  }
}

export interface BudgetLimits {
  readonly perSecond: number
  /** For the whole run. */
  readonly inAll: number
}

/** Limits of what a run may report; the excess is counted, so that it can be reported. */
export class OutputBudget {
  readonly #limits: BudgetLimits
  readonly #clock: Clock
  #windowStart = -Infinity
  #usedInWindow = 0
  #used = 0
  #refused = 0

  constructor(limits: BudgetLimits, clock: Clock) {
    this.#limits = limits
    this.#clock = clock
  }

  get refused(): number {
    return this.#refused
  }

  /** Takes `amount` from this second and from the whole, or counts it as refused. */
  spend(amount: number): boolean {
    const now = this.#clock.monotonic()
    if (now - this.#windowStart >= BUDGET_WINDOW_MS) {
      this.#windowStart = now
      this.#usedInWindow = 0
    }
    const { perSecond, inAll } = this.#limits
    if (this.#usedInWindow + amount > perSecond || this.#used + amount > inAll) {
      this.#refused += amount
      return false
    }
    this.#usedInWindow += amount
    this.#used += amount
    return true
  }
}
