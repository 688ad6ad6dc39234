/** One call as the limit saw it begin. */
export interface CallMark {
  /** Units in flight when it was sent, its own included. */
  readonly rank: number
  /** Rises with every call. */
  readonly number: number
}

/** What a later process has to know of what was learnt. */
export interface SavedAdaptiveLimit {
  readonly limit: number
  readonly isSlowStart: boolean
  /** null: no level is known to be refused. */
  readonly refused: number | null
  readonly isProbing: boolean
  readonly wellAtRefused: number
  readonly successes: number
  readonly probeAfter: number
  /** Absent in notes of earlier versions, whose calls had all ended. */
  readonly calls?: number
  readonly knownUpTo?: number
  /** Between which it was found. Absent in notes of earlier versions. */
  readonly bounds?: readonly [floor: number, ceiling: number]
}

/** After an overload the limit falls to this share of what was in flight. */
const DECREASE = 0.5
/** A refused level is tried again after this many successes below it, then after twice as many, and so on. */
const FIRST_PROBE = 200
const MAX_PROBE = 6400

/**
 * Finds how many calls a provider takes at once: slow start, then additive increase and multiplicative decrease
 * (Chiu, Jain 1989), with a memory of the level that was refused last, as CUBIC has one (RFC 9438): the limit rests
 * just below it and only now and then tries it again, so that almost no call is refused once it has settled.
 */
export class AdaptiveLimit {
  #floor: number
  #ceiling: number
  #start: number
  #limit: number
  #isSlowStart: boolean
  /** The lowest level that is known to be refused. */
  #refused = Infinity
  #isProbing = false
  /** Calls at the refused level that went well in this probe. */
  #wellAtRefused = 0
  #successes = 0
  #probeAfter = FIRST_PROBE
  #calls = 0
  /** Calls up to this one were sent before the last decrease: what they meet is known. */
  #knownUpTo = 0

  /** @param start units to begin with; below the ceiling the limit grows by slow start */
  constructor(floor: number, ceiling: number, start: number) {
    this.#floor = floor
    this.#ceiling = ceiling
    this.#start = start
    this.#limit = start
    this.#isSlowStart = start < ceiling
  }

  /** Whole units that may be in flight. */
  get value(): number {
    return Math.floor(this.#limit)
  }

  /** The most that it can become. */
  get ceiling(): number {
    return this.#ceiling
  }

  get isAtFloor(): boolean {
    return this.value <= this.#floor
  }

  /** New bounds, at once; `start` as when it was made. */
  resize(floor: number, ceiling: number, start: number): void {
    this.#floor = floor
    this.#ceiling = ceiling
    this.#start = start
    this.#isSlowStart ||= this.#limit < ceiling && this.#refused === Infinity
    const isFixed = start === ceiling && this.#refused > ceiling
    this.#limit = isFixed ? ceiling : Math.min(ceiling, Math.max(floor, this.#limit))
  }

  /** @param inFlight units in flight, those of this call included */
  begin(inFlight: number): CallMark {
    this.#calls += 1
    return { rank: inFlight, number: this.#calls }
  }

  succeeded({ rank }: CallMark): void {
    this.#successes += 1
    if (this.#isProbing && rank >= this.#refused) this.#wellAtRefused += 1
    if (this.#isProbing && this.#wellAtRefused >= 2 * this.#refused) this.#forgetRefused()
    // A limit that is not used proves nothing about a higher one.
    if (rank < this.value) return
    if (this.#mayProbe) {
      this.#isProbing = true
      this.#wellAtRefused = 0
      this.#limit = this.#refused
      return
    }
    const step = this.#isSlowStart ? 1 : 1 / this.#limit
    this.#limit = Math.min(this.#top, this.#limit + step)
  }

  /** A call met the provider's limit. */
  overloaded({ rank, number }: CallMark): void {
    if (number <= this.#knownUpTo) return
    this.#knownUpTo = this.#calls
    this.#isSlowStart = false
    this.#successes = 0
    if (this.#isProbing && rank >= this.#refused) {
      this.#isProbing = false
      this.#probeAfter = Math.min(MAX_PROBE, this.#probeAfter * 2)
      this.#limit = Math.max(this.#floor, this.#refused - 1)
      return
    }
    this.#isProbing = false
    this.#refused = Math.max(this.#floor + 1, rank)
    this.#probeAfter = FIRST_PROBE
    this.#limit = Math.max(this.#floor, Math.floor(rank * DECREASE))
  }

  save(): SavedAdaptiveLimit {
    return {
      limit: this.#limit,
      isSlowStart: this.#isSlowStart,
      refused: this.#refused === Infinity ? null : this.#refused,
      isProbing: this.#isProbing,
      wellAtRefused: this.#wellAtRefused,
      successes: this.#successes,
      probeAfter: this.#probeAfter,
      calls: this.#calls,
      knownUpTo: this.#knownUpTo,
      bounds: [this.#floor, this.#ceiling],
    }
  }

  /** Within the bounds that hold now, as if they were set after it was saved. */
  restore(saved: SavedAdaptiveLimit): void {
    const refused = saved.refused ?? Infinity
    this.#limit = Math.min(this.#ceiling, Math.max(this.#floor, saved.limit))
    this.#isSlowStart = saved.isSlowStart
    this.#refused = refused
    this.#isProbing = saved.isProbing
    this.#wellAtRefused = saved.wellAtRefused
    this.#successes = saved.successes
    this.#probeAfter = saved.probeAfter
    this.#calls = saved.calls ?? 0
    this.#knownUpTo = saved.knownUpTo ?? 0
    const [floor, ceiling] = saved.bounds ?? [this.#floor, this.#ceiling]
    if (floor !== this.#floor || ceiling !== this.#ceiling)
      this.resize(this.#floor, this.#ceiling, this.#start)
  }

  get #top(): number {
    if (this.#isProbing) return Math.min(this.#ceiling, this.#refused)
    return Math.max(this.#floor, Math.min(this.#ceiling, this.#refused - 1))
  }

  get #mayProbe(): boolean {
    const isBelow = this.#refused <= this.#ceiling && this.value === this.#refused - 1
    return !this.#isProbing && isBelow && this.#successes >= this.#probeAfter
  }

  /** The provider takes more than it did. */
  #forgetRefused(): void {
    this.#isProbing = false
    this.#refused = Infinity
    this.#probeAfter = FIRST_PROBE
    this.#successes = 0
  }
}
