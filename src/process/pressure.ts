import type { Clock } from '../time/clock.ts'
import { Ticker } from '../time/ticker.ts'

export type Shortage = 'memory' | 'event-loop'

export interface PressureOptions {
  /** Memory of this process at which no new task starts; Infinity: never. */
  readonly maxMemoryBytes: number
  /** Event-loop delay at which no new task starts; Infinity: never. */
  readonly maxLoopDelayMs: number
  readonly clock: Clock
  /** NaN: not known, which is no shortage. */
  readonly memoryBytes: () => number
  /** A shortage began or is over. */
  readonly changed: (shortage: Shortage, isShort: boolean) => void
}

const LOOK_EVERY_MS = 500
/** A shortage is over below this share of what began it, so that it does not flicker. */
const RELEASE = 0.8
/** One slow turn of the loop is no shortage: it has to last. */
const READINGS_TO_BEGIN = 2

/** Watches memory and the event loop: while either is short, running tasks continue and none starts. */
export class Pressure {
  readonly #options: PressureOptions
  readonly #over = new Map<Shortage, number>()
  readonly #short = new Set<Shortage>()
  readonly #ticker: Ticker
  /** Monotonic, ms. */
  #dueAt = 0

  constructor(options: PressureOptions) {
    this.#options = options
    const { clock } = options
    this.#ticker = new Ticker(clock, LOOK_EVERY_MS, () => {
      const lateMs = clock.monotonic() - this.#dueAt
      this.#dueAt = clock.monotonic() + LOOK_EVERY_MS
      this.look(lateMs)
    })
  }

  start(): void {
    this.#dueAt = this.#options.clock.monotonic() + LOOK_EVERY_MS
    this.#ticker.start()
  }

  stop(): void {
    this.#ticker.stop()
  }

  /** @param loopDelayMs by how much the event loop is late */
  look(loopDelayMs: number): void {
    const { maxMemoryBytes, maxLoopDelayMs, memoryBytes } = this.#options
    this.#judge('memory', memoryBytes() / maxMemoryBytes)
    this.#judge('event-loop', loopDelayMs / maxLoopDelayMs)
  }

  /** @param share of the bound, 1 is at it */
  #judge(shortage: Shortage, share: number): void {
    const isOver = share >= (this.#short.has(shortage) ? RELEASE : 1)
    const readings = isOver ? (this.#over.get(shortage) ?? 0) + 1 : 0
    this.#over.set(shortage, readings)
    const isShort = this.#short.has(shortage) ? isOver : readings >= READINGS_TO_BEGIN
    if (isShort === this.#short.has(shortage)) return
    if (isShort) this.#short.add(shortage)
    else this.#short.delete(shortage)
    this.#options.changed(shortage, isShort)
  }
}
