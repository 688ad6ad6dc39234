import type { Clock } from './clock.ts'

/** Does something again and again, each time `everyMs` after the time before, from `start` until `stop`. */
export class Ticker {
  readonly #clock: Pick<Clock, 'after'>
  readonly #everyMs: number
  readonly #run: () => void
  #cancelTimer: (() => void) | null = null

  constructor(clock: Pick<Clock, 'after'>, everyMs: number, run: () => void) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#run = run
  }

  /** Begins, unless it has. */
  start(): void {
    this.#cancelTimer ??= this.#clock.after(this.#everyMs, () => {
      this.#cancelTimer = null
      this.start()
      this.#run()
    })
  }

  stop(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }
}
