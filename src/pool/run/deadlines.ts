import { MAX_TIMER_MS, type Clock } from '../../task/clock.ts'

export interface Deadline {
  /** Monotonic, ms. */
  readonly at: number
  readonly passed: () => void
}

/**
 * Many deadlines over one timer: setting and clearing one costs no timer of its own unless it is the
 * earliest. There are few at a time (one or two for each running task), so a look over all of them is cheap.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #open = new Set<Deadline>()
  #armedFor = Infinity
  #disarm: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(ms: number, passed: () => void): Deadline {
    const deadline = { at: this.#clock.monotonic() + ms, passed }
    this.#open.add(deadline)
    if (deadline.at < this.#armedFor) this.#arm(deadline.at)
    return deadline
  }

  /** The timer stays armed: it finds nothing due and goes to the next. */
  clear(deadline: Deadline): void {
    this.#open.delete(deadline)
  }

  #arm(at: number): void {
    this.#disarm?.()
    this.#armedFor = at
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, at - this.#clock.monotonic()))
    this.#disarm = this.#clock.after(ms, () => this.#fire())
  }

  #fire(): void {
    this.#disarm = null
    this.#armedFor = Infinity
    const now = this.#clock.monotonic()
    for (const deadline of this.#open) {
      // One that passed may have cleared another.
      if (deadline.at > now || !this.#open.delete(deadline)) continue
      deadline.passed()
    }
    let earliest = Infinity
    for (const { at } of this.#open) earliest = Math.min(earliest, at)
    if (earliest < this.#armedFor) this.#arm(earliest)
  }
}
