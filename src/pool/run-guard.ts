import { TimedOut, type AbortReason, type Outcome } from '../task/outcome.ts'
import { failure } from '../task/failure.ts'
import type { Alarm, Alarms } from './timers.ts'

export interface GuardLimits {
  /** Time limit of the run; after it the handler is aborted. */
  readonly limitMs: number
  /** Time between that and its abandonment. */
  readonly graceMs: number
}

/**
 * Enforces one run's limit in two stages. First the signal is aborted with a typed reason; a
 * handler that has not settled when the grace is over is *abandoned*: `outcome` settles without it, its
 * late result is refused, and `finished` settles whenever it does come to an end, if ever.
 */
export class Guard {
  /** Settles when the handler settles or is abandoned; never rejects. */
  readonly outcome: Promise<Outcome>
  /** Settles when the handler really ended; never rejects. */
  readonly finished: Promise<void>
  readonly #controller = new AbortController()
  readonly #alarms: Alarms
  #deadline: Alarm
  #decide!: (outcome: Outcome) => void
  #reason: AbortReason | null = null
  #isSettled = false
  #isAbandoned = false

  constructor(work: (signal: AbortSignal) => Promise<Outcome>, limits: GuardLimits, alarms: Alarms) {
    const { limitMs, graceMs } = limits
    this.#alarms = alarms
    this.outcome = new Promise((resolve) => (this.#decide = resolve))
    this.#deadline = alarms.after(limitMs, () => this.abort(new TimedOut(limitMs), graceMs))
    this.finished = work(this.#controller.signal).then(
      (outcome) => this.#settle(outcome),
      // A defect of the caller: work is expected to turn every error into an outcome.
      (error: unknown) => this.#settle({ kind: 'failed', failure: failure('internal', String(error)) }),
    )
  }

  get reason(): AbortReason | null {
    return this.#reason
  }

  /** Whether the outcome is final: later events do not change it. */
  get isDecided(): boolean {
    return this.#isSettled || this.#isAbandoned
  }

  get isAbandoned(): boolean {
    return this.#isAbandoned
  }

  /**
   * Aborts the handler. The first reason wins, with one exception: a cancel replaces a shutdown, or
   * the task would run again after the restart. A later call starts the grace anew.
   */
  abort(reason: AbortReason, graceMs: number): void {
    if (this.#isSettled || this.#isAbandoned) return
    if (this.#reason?.name === 'ShuttingDown' && reason.name === 'CancelRequested') this.#reason = reason
    this.#alarms.cancel(this.#deadline)
    this.#deadline = this.#alarms.after(graceMs, () => this.#abandon())
    if (this.#reason !== null) return
    this.#reason = reason
    this.#controller.abort(reason)
  }

  #abandon(): void {
    this.#isAbandoned = true
    this.#end(null)
  }

  #settle(outcome: Outcome): void {
    this.#isSettled = true
    if (!this.#isAbandoned) this.#end(outcome)
  }

  #end(outcome: Outcome | null): void {
    this.#alarms.cancel(this.#deadline)
    this.#decide(this.#reason === null ? (outcome as Outcome) : toOutcome(this.#reason))
  }
}

function toOutcome(reason: AbortReason): Outcome {
  switch (reason.name) {
    case 'TimedOut':
      return { kind: 'timeout', limitMs: reason.limitMs }
    case 'CancelRequested':
      return { kind: 'cancelled' }
    case 'ShuttingDown':
      return { kind: 'interrupted' }
  }
}
