import { PRIORITIES, type Priority } from '../../task/priority.ts'
import { FinishTimes } from './finish-times.ts'
import { ARRIVAL, Lane } from './simulated-lanes.ts'

/** What is known of a task type. */
export interface SimulatedType {
  /** Run times, ms, ascending; one at least. */
  readonly samples: Float64Array
  /** How many may run at once; Infinity for no limit of its own. */
  readonly concurrency: number
}

/** The queue as it is. Types are given by their index in `types`; times are ms, now is 0. */
export interface SimulatedQueue {
  readonly slots: number
  readonly types: readonly SimulatedType[]
  readonly running: readonly { readonly type: number; readonly elapsedMs: number }[]
  /** In the order in which they would start; `at` is when they came, not after 0. */
  readonly waiting: readonly { readonly type: number; readonly priority: Priority; readonly at: number }[]
  /** What may come and be put before them: by level, arrivals counted in a time, and their types. */
  readonly arrivals: readonly {
    readonly count: number
    readonly overMs: number
    readonly types: readonly number[]
  }[]
  /** A level is this much ahead of the one below it; 0: levels are strict. */
  readonly headStartMs: number
}

export interface Simulated {
  /** Times until the start, one a round: of each waiting task in its order; Infinity: not within the horizon. */
  readonly waiting: readonly Float64Array[]
  /** The same of a task that came now, by level. */
  readonly newcomer: readonly Float64Array[]
  /** Time until the first of the waiting tasks starts and leaves its place. */
  readonly firstStart: Float64Array
}

export interface SimulationOptions {
  /** Most rounds; fewer, but 30 at least, when each is long. */
  readonly rounds: number
  /** 0 to 1. */
  readonly random: () => number
}

/** Arrivals are simulated up to this; after that the wait is unbounded. */
const MAX_OVERTAKING = 500
/** Starts and arrivals in all rounds together that are worth their time. */
const MAX_EVENTS = 40_000
const MIN_ROUNDS = 30
/** A newcomer that only looks how long it would wait. */
const GHOST = -1

/**
 * Plays the queue forward many times: remaining times of what runs, run times drawn from samples, arrivals at
 * measured rates. Draws are those of a Pólya urn, the Bayesian bootstrap's predictive law (Rubin 1981), and rates
 * are drawn from their gamma law, so that few samples give wide estimates and not wrong ones.
 */
export function simulate(queue: SimulatedQueue, { rounds, random }: SimulationOptions): Simulated {
  const waiting = queue.waiting.map(() => new Float64Array(rounds).fill(Infinity))
  const newcomer = PRIORITIES.map(() => new Float64Array(rounds).fill(Infinity))
  const firstStart = new Float64Array(rounds).fill(Infinity)
  const play = new Play(queue, random)
  let round = 0
  const started = (index: number, at: number) => {
    const target = index >= 0 ? waiting[index] : newcomer[GHOST - index]
    if (target !== undefined) target[round] = at
    if (index >= 0 && firstStart[round] === Infinity) firstStart[round] = at
  }
  for (let events = 0; round < rounds && (round < MIN_ROUNDS || events < MAX_EVENTS); round += 1) {
    events += play.round(started)
  }
  const done = (times: Float64Array) => times.subarray(0, round)
  return { waiting: waiting.map(done), newcomer: newcomer.map(done), firstStart: done(firstStart) }
}

/** A queue that is played again and again. */
class Play {
  readonly #queue: SimulatedQueue
  readonly #random: () => number
  readonly #finish = new FinishTimes()
  readonly #runningOf: number[]
  readonly #urns: number[][]
  /** Highest level first; a type with a limit has lanes of its own. */
  readonly #lanes: readonly Lane[]
  readonly #isLimited: readonly boolean[]
  readonly #asked: number
  readonly #gapsMs: number[] = []
  #totalRate = 0
  #seq = 0
  #idle = 0

  constructor(queue: SimulatedQueue, random: () => number) {
    this.#queue = queue
    this.#random = random
    this.#runningOf = queue.types.map(() => 0)
    this.#urns = queue.types.map(() => [])
    this.#isLimited = queue.types.map(({ concurrency }) => concurrency !== Infinity)
    const limited = this.#isLimited.flatMap((is, type) => (is ? [type] : []))
    this.#lanes = PRIORITIES.toReversed().flatMap((level) =>
      [-1, ...limited].map((type) => new Lane(level, type)),
    )
    for (const [index, { type, priority, at }] of queue.waiting.entries())
      this.#put(priority, { index, type, at })
    for (const level of PRIORITIES) this.#put(level, { index: GHOST - level, type: GHOST, at: 0 })
    for (const lane of this.#lanes) lane.fix()
    // What no type allows to start is not waited for.
    const able = queue.waiting.filter(({ type }) => queue.types[type]?.concurrency !== 0)
    this.#asked = able.length + PRIORITIES.length
  }

  /**
   * Simulates until all requested tasks have started, or too many have overtaken them; returns how many started and arrived.
   * @param started called when each of the requested tasks starts
   */
  round(started: (index: number, at: number) => void): number {
    this.#reset()
    const most = MAX_OVERTAKING + 2 * this.#queue.waiting.length
    let [now, events, asked] = [0, 0, this.#asked]
    let arrival = this.#gapMs()
    while (events < most) {
      for (let lane = this.#next(); lane !== null; lane = this.#next()) {
        const index = lane.indices[lane.head] as number
        const type = lane.types[lane.head] as number
        lane.head += 1
        if (index !== ARRIVAL) {
          started(index, now)
          asked -= 1
        }
        if (type === GHOST) continue
        events += 1
        this.#idle -= 1
        this.#start(type, now + this.#draw(type))
      }
      if (asked === 0) break
      if (arrival < this.#finish.next) {
        now = arrival
        events += 1
        this.#arrive(now)
        arrival = now + this.#gapMs()
      } else if (this.#finish.size === 0) break
      else now = this.#end()
    }
    return events
  }

  #reset(): void {
    const { slots, running, arrivals } = this.#queue
    for (const lane of this.#lanes) lane.reset()
    for (const urn of this.#urns) urn.length = 0
    this.#runningOf.fill(0)
    this.#finish.clear()
    this.#idle = Math.max(0, slots - running.length)
    for (const { type, elapsedMs } of running) this.#start(type, this.#remaining(type, elapsedMs))
    // What comes on the lowest level comes behind everybody.
    for (const [level, rate] of arrivals.entries())
      this.#gapsMs[level] = level === 0 ? Infinity : this.#gapOf(rate)
    this.#totalRate = this.#gapsMs.reduce((sum, gap) => sum + 1 / gap, 0)
  }

  #put(level: number, { index, type, at }: { index: number; type: number; at: number }): void {
    const limitedType = type !== GHOST && this.#isLimited[type] === true ? type : -1
    this.#seq += 1
    for (const lane of this.#lanes) {
      if (lane.level === level && lane.limitedType === limitedType) {
        lane.put({ index, type, at, seq: this.#seq })
        return
      }
    }
  }

  /** The lane whose first is next to start; a newcomer that only looks takes no slot. */
  #next(): Lane | null {
    if (this.#idle <= 0) return null
    const { headStartMs } = this.#queue
    let best: Lane | null = null
    let bestRank = Infinity
    for (const lane of this.#lanes) {
      if (lane.isEmpty || !this.#isOpen(lane.limitedType)) continue
      if (best !== null && headStartMs === 0 && lane.level < best.level) break
      const at = lane.ats[lane.head] as number
      const rank = headStartMs === 0 ? 0 : at - lane.level * headStartMs
      const isEarlier = (lane.seqs[lane.head] as number) < (best?.seqs[best.head] ?? Infinity)
      if (rank > bestRank || (rank === bestRank && !isEarlier)) continue
      best = lane
      bestRank = rank
    }
    return best
  }

  #isOpen(limitedType: number): boolean {
    if (limitedType < 0) return true
    const { concurrency = Infinity } = this.#queue.types[limitedType] ?? {}
    return (this.#runningOf[limitedType] as number) < concurrency
  }

  #start(type: number, until: number): void {
    this.#runningOf[type] = (this.#runningOf[type] as number) + 1
    this.#finish.push(until, type)
  }

  #end(): number {
    const now = this.#finish.next
    const type = this.#finish.pop()
    this.#runningOf[type] = (this.#runningOf[type] as number) - 1
    this.#idle += 1
    return now
  }

  /** One that comes: of each level by its rate. */
  #arrive(at: number): void {
    let share = this.#random() * this.#totalRate
    let level = this.#gapsMs.length - 1
    for (; level > 1; level -= 1) {
      share -= 1 / (this.#gapsMs[level] as number)
      if (share < 0) break
    }
    const types = this.#queue.arrivals[level]?.types ?? []
    const type = types[Math.floor(this.#random() * types.length)] ?? 0
    this.#put(level, { index: ARRIVAL, type, at })
  }

  /** Time until the next one comes. */
  #gapMs(): number {
    return this.#totalRate === 0 ? Infinity : -Math.log(1 - this.#random()) / this.#totalRate
  }

  /** A run time: one of the samples, or of those drawn before in this round. */
  #draw(type: number): number {
    const samples = (this.#queue.types[type] as SimulatedType).samples
    const urn = this.#urns[type] as number[]
    const at = Math.floor(this.#random() * (samples.length + urn.length))
    const drawn = (at < samples.length ? samples[at] : urn[at - samples.length]) as number
    urn.push(drawn)
    return drawn
  }

  /** What is left of a run: of the samples that are longer than it has run already, one. */
  #remaining(type: number, elapsedMs: number): number {
    const samples = (this.#queue.types[type] as SimulatedType).samples
    let from = 0
    while (from < samples.length && (samples[from] as number) <= elapsedMs) from += 1
    // Longer than any: it may take as long again.
    if (from === samples.length) return elapsedMs * this.#random()
    const at = from + Math.floor(this.#random() * (samples.length - from))
    return (samples[at] as number) - elapsedMs
  }

  /** Mean time between arrivals, drawn from what the count allows to think; Infinity: none come. */
  #gapOf({ count, overMs }: { readonly count: number; readonly overMs: number }): number {
    if (count === 0) return Infinity
    // Wilson and Hilferty's cube of a normal deviate approximates the gamma distribution.
    const cube = 1 - 1 / (9 * count) + this.#normal() / (3 * Math.sqrt(count))
    return overMs / (count * Math.max(0.05, cube) ** 3)
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random())
  }
}
