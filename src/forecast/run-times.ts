/** Fewer samples than this are too few: estimates are null, never a guess. */
export const MIN_SAMPLES = 5
const KEPT = 512
/** This many newest samples are compared with those before them. */
const RECENT = 20
/** They are compared each time after this many samples. */
const LOOK_EVERY = 10
/** They are another load when their mean, of logarithms, is this many standard errors away. */
const CHANGED = 4.5

/**
 * Run times of one task type, ms: the newest of them, sorted for drawing. When the load has changed the samples from
 * before are forgotten, so that estimates recover.
 */
export class RunTimes {
  #values: number[] = []
  #logs: number[] = []
  #sum = 0
  #squares = 0
  #added = 0
  #sorted: Float64Array | null = null

  get size(): number {
    return this.#values.length
  }

  add(ms: number): void {
    const value = Math.max(1, ms)
    this.#values.push(value)
    this.#count(Math.log(value))
    if (this.#values.length > KEPT) this.#forgetOldest()
    this.#added += 1
    if (this.#added % LOOK_EVERY === 0 && this.#hasChanged()) this.#keepRecent()
    this.#sorted = null
  }

  /** Ascending. */
  get sorted(): Float64Array {
    this.#sorted ??= Float64Array.from(this.#values).sort()
    return this.#sorted
  }

  /** Mean in ms; 0 without samples. */
  get mean(): number {
    return this.#values.reduce((sum, value) => sum + value, 0) / Math.max(1, this.#values.length)
  }

  #count(log: number): void {
    this.#logs.push(log)
    this.#sum += log
    this.#squares += log * log
  }

  #forgetOldest(): void {
    this.#values.shift()
    const log = this.#logs.shift() ?? 0
    this.#sum -= log
    this.#squares -= log * log
  }

  #keepRecent(): void {
    this.#values = this.#values.slice(-RECENT)
    const logs = this.#logs.slice(-RECENT)
    this.#logs = []
    this.#sum = this.#squares = 0
    for (const log of logs) this.#count(log)
  }

  #hasChanged(): boolean {
    const count = this.#logs.length - RECENT
    if (count < 2 * RECENT) return false
    let [sum, squares] = [0, 0]
    for (const log of this.#logs.slice(-RECENT)) {
      sum += log
      squares += log * log
    }
    const before = parseMoments(this.#sum - sum, this.#squares - squares, count)
    const recent = parseMoments(sum, squares, RECENT)
    const error = Math.sqrt(before.variance / count + Math.max(before.variance, recent.variance) / RECENT)
    return Math.abs(recent.mean - before.mean) > CHANGED * Math.max(error, 0.01)
  }
}

function parseMoments(sum: number, squares: number, count: number) {
  const mean = sum / count
  return { mean, variance: Math.max(0, squares / count - mean * mean) }
}

/** Run times of every type; of all together where a type has too few of its own. */
export class RunTimesByType {
  readonly #byType = new Map<string, RunTimes>()
  readonly #all = new RunTimes()

  add(type: string, ms: number): void {
    let own = this.#byType.get(type)
    if (own === undefined) this.#byType.set(type, (own = new RunTimes()))
    own.add(ms)
    this.#all.add(ms)
  }

  get all(): RunTimes {
    return this.#all
  }

  get types(): ReadonlyMap<string, RunTimes> {
    return this.#byType
  }

  /** Statistics of a type; undefined: too few samples. */
  of(type: string): RunTimes | undefined {
    const own = this.#byType.get(type)
    if (own !== undefined && own.size >= MIN_SAMPLES) return own
    return this.#all.size >= MIN_SAMPLES ? this.#all : undefined
  }
}
