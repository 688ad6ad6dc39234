/** Time, injected wherever it decides anything. */
export interface Clock {
  /** Wall clock, ms since the epoch: for instants that are shown or stored. */
  readonly now: () => number
  /** Monotonic, ms: for durations; never goes back when the wall clock is set. */
  readonly monotonic: () => number
  /** Calls `fn` once after `ms` (0 to {@link MAX_TIMER_MS}); the reply takes it back. */
  readonly after: (ms: number, fn: () => void) => () => void
}

/** A clock that also knows the time that both clocks agree on. */
export interface ProvenClock extends Clock {
  /** Epoch ms, not moved by a jump of the wall clock: for decisions that cannot be undone. */
  readonly provenNow: () => number
}

/** Node fires a longer timer at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, fn) {
    // A waiting timer alone keeps no process alive.
    const timer = setTimeout(fn, ms).unref()
    return () => clearTimeout(timer)
  },
}
