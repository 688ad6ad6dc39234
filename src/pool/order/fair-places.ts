import type { Clock } from '../../time/clock.ts'
import type { Entry } from './lane.ts'
import type { Level } from './level.ts'

export interface FairPlacesOptions {
  /** Waiting tasks in the order in which they would start. */
  readonly schedule: () => Iterable<Entry>
  /** How many wait. */
  readonly size: () => number
  readonly clock: Clock
}

/** Places that are counted; further back they are estimated. */
export const MAX_COUNTED = 1000
/** A longer queue is gone through at most once in this time. */
const FRESH_MS = 1000

/**
 * Places of waiting tasks where callers take turns. The order depends on all callers, so it is gone through once for the
 * first places and kept: until the next change while the queue is short, for a second where it is long.
 */
export class FairPlaces {
  readonly #options: FairPlacesOptions
  readonly #places = new Map<string, number>()
  /** Tasks of a level that start at a virtual time or before it. */
  readonly #counts = new Map<Level, Map<number, number>>()
  #countedAt = -Infinity
  #hasChanged = true
  #takenAt = -Infinity

  constructor(options: FairPlacesOptions) {
    this.#options = options
  }

  /** A task was put in or taken out. */
  changed(): void {
    this.#hasChanged = true
  }

  /** Tasks that would start before this one, where they were counted. */
  counted(entry: Entry): number | undefined {
    this.#refresh()
    return this.#places.get(entry.ticket.id)
  }

  /** How many tasks of a level start at a virtual time or before it; in a long queue, as they were within the second. */
  startingBy(level: Level, start: number): number {
    if (this.#options.size() <= MAX_COUNTED) return level.countStartingBy(start)
    const now = this.#options.clock.monotonic()
    if (now - this.#countedAt >= FRESH_MS) {
      this.#counts.clear()
      this.#countedAt = now
    }
    let counts = this.#counts.get(level)
    if (counts === undefined) this.#counts.set(level, (counts = new Map()))
    let count = counts.get(start)
    if (count === undefined) counts.set(start, (count = level.countStartingBy(start)))
    return count
  }

  #refresh(): void {
    if (!this.#hasChanged) return
    const now = this.#options.clock.monotonic()
    if (this.#options.size() > MAX_COUNTED && now - this.#takenAt < FRESH_MS) return
    this.#hasChanged = false
    this.#takenAt = now
    this.#places.clear()
    for (const { ticket } of this.#options.schedule()) {
      this.#places.set(ticket.id, this.#places.size)
      if (this.#places.size === MAX_COUNTED) break
    }
  }
}
