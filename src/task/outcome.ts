import type { Failure } from './failure.ts'
import type { WaitReason } from './task.ts'

/** The fields of a result that its terminal event repeats; null where the result has none of that name. */
export interface Headline {
  readonly title: string | null
  readonly summary: string | null
  readonly filename: string | null
  readonly hash: string | null
}

/** Why and until when a task is parked. */
export interface Wait {
  /** `retry_backoff` uses an attempt up; the others do not. */
  readonly reason: WaitReason
  /** What went wrong; null: nothing, there was no room. */
  readonly failure: Failure | null
  /** When it is due, epoch ms; null: as soon as the resource has room. */
  readonly until: number | null
  /** The resource that wakes it; null: the clock does. */
  readonly resource: string | null
}

/** How one run ended: a closed set, decided once per run. */
export type Outcome =
  /** `result` is JSON text: it was checked and frozen when the handler returned. */
  | { readonly kind: 'completed'; readonly result: string; readonly headline: Headline }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'timeout'; readonly limitMs: number }
  | { readonly kind: 'cancelled' }
  /** To be gone on with in another run, without a slot until then. */
  | { readonly kind: 'waits'; readonly wait: Wait }
  /** The server stops: back to the queue, same attempt. */
  | { readonly kind: 'interrupted' }

/**
 * Why a run was aborted; `signal.reason` in a handler. The first cause wins and is set once.
 */
export type AbortReason = TimedOut | CancelRequested | ShuttingDown

export class TimedOut extends Error {
  override readonly name = 'TimedOut'
  readonly limitMs: number

  constructor(limitMs: number) {
    super(`The run passed its limit of ${limitMs / 1000} s.`)
    this.limitMs = limitMs
  }
}

export class CancelRequested extends Error {
  override readonly name = 'CancelRequested'

  constructor() {
    super('The task was cancelled.')
  }
}

export class ShuttingDown extends Error {
  override readonly name = 'ShuttingDown'

  constructor() {
    super('The server is stopping; the task goes back to the queue.')
  }
}
