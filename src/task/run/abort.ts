/**
 * Why a run was told to stop; `signal.reason` in a handler. The first cause wins and is set once.
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
