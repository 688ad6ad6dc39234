import { computeQuantiles, type Quantiles } from './quantiles.ts'

/** Fewer samples than this are too few: estimates are null, never a guess. */
const MIN_SAMPLES = 5

/** The newest durations of one kind, in ms: a ring of fixed size. */
export class Samples {
  readonly #values: Float64Array
  #count = 0
  /** What was worked out last; everybody may ask, as often as they like. */
  #known: Quantiles | null = null

  constructor(size: number) {
    this.#values = new Float64Array(size)
  }

  add(ms: number): void {
    this.#values[this.#count % this.#values.length] = ms
    this.#count += 1
    this.#known = null
  }

  get size(): number {
    return Math.min(this.#count, this.#values.length)
  }

  /** Mean in ms; null without samples. */
  get mean(): number | null {
    const kept = this.#kept()
    return kept.length === 0 ? null : kept.reduce((sum, value) => sum + value, 0) / kept.length
  }

  /** Nearest-rank quantiles in ms; null below {@link MIN_SAMPLES}. */
  quantiles(): Quantiles | null {
    if (this.size < MIN_SAMPLES) return null
    this.#known ??= computeQuantiles(this.#kept())
    return this.#known
  }

  #kept(): Float64Array {
    return this.#values.slice(0, this.size)
  }
}
