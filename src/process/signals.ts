/** Signals that stop the server in order: of a service manager, a terminal, a terminal that was closed, and `kill -QUIT`. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const

type StopSignal = (typeof STOP_SIGNALS)[number]

export interface Signals {
  /** From now on a signal is kept until `handle` is called: before, it ends the process at once. */
  readonly hold: () => void
  /** Passes every signal on, those that were kept first. */
  readonly handle: (handler: (signal: StopSignal) => void) => void
}

/** Catches the signals that stop the server, from the load of its modules on. */
export function catchSignals(): Signals {
  const kept: StopSignal[] = []
  // Nothing has begun yet that could be lost.
  let pass: (signal: StopSignal) => void = () => process.exit(0)
  for (const signal of STOP_SIGNALS) process.on(signal, () => pass(signal))
  return {
    hold: () => {
      pass = (signal) => void kept.push(signal)
    },
    handle: (handler) => {
      pass = handler
      for (const signal of kept.splice(0)) handler(signal)
    },
  }
}
