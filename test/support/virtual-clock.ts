import type { Clock, ProvenClock } from '../../src/time/clock.ts'

/** A clock that only moves when a test advances it. */
export class VirtualClock implements ProvenClock {
  #now = Date.parse('2026-01-01T00:00:00Z')
  #monotonic = 0
  #timers: { at: number; fn: () => void }[] = []

  readonly now = () => this.#now
  readonly provenNow = () => this.#now
  readonly monotonic: () => number = () => this.#monotonic
  readonly after: Clock['after'] = (ms, fn) => this.schedule(ms, fn)

  /** For clocks that are made of this one. */
  protected get time(): number {
    return this.#monotonic
  }

  protected schedule(ms: number, fn: () => void): () => void {
    const timer = { at: this.#monotonic + ms, fn }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  get pending(): number {
    return this.#timers.length
  }

  /** Moves on by `ms`, firing what becomes due in order. */
  advance(ms: number): void {
    const end = this.#monotonic + ms
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((other) => other !== due)
      this.#set(Math.max(this.#monotonic, due.at))
      due.fn()
    }
    this.#set(end)
  }

  /** Moves on to the next timer and fires it; false: there is none. */
  step(): boolean {
    const next = Math.min(...this.#timers.map(({ at }) => at))
    if (next === Infinity) return false
    this.advance(next - this.#monotonic)
    return true
  }

  /** Settles after `ms` of this clock. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve))
  }

  /** Sets the wall clock alone, as an operator would. */
  setWall(now: number): void {
    this.#now = now
  }

  #set(monotonic: number): void {
    this.#now += monotonic - this.#monotonic
    this.#monotonic = monotonic
  }
}
