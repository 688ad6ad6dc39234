interface Spent {
  /** Monotonic, ms: the newest of what was put together. */
  at: number
  amount: number
}

/** Amounts of one window are put together in so many pieces, each as late as its latest part. */
const PIECES = 60

/** At most `limit` in any `windowMs`: a sliding window that is never passed, and late by one piece at the most. */
export class RateWindow {
  readonly windowMs: number
  limit: number
  readonly #spent: Spent[] = []
  #sum = 0

  constructor(limit: number, windowMs: number) {
    this.limit = limit
    this.windowMs = windowMs
  }

  /** Drawn within the window that ends now. */
  spentAt(now: number): number {
    while (this.#spent[0] !== undefined && this.#spent[0].at + this.windowMs <= now) {
      this.#sum -= this.#spent.shift()?.amount ?? 0
    }
    return this.#sum
  }

  /** ms until so much fits; 0: now. What is more than the whole limit never does: Infinity. */
  waitFor(amount: number, now: number): number {
    if (amount > this.limit) return Infinity
    let over = this.spentAt(now) + amount - this.limit
    if (over <= 0) return 0
    for (const { at, amount: freed } of this.#spent) {
      over -= freed
      if (over <= 0) return at + this.windowMs - now
    }
    return Infinity
  }

  spend(amount: number, now: number): void {
    if (amount === 0) return
    const newest = this.#spent.at(-1)
    if (newest !== undefined && now - newest.at < this.windowMs / PIECES / 2) {
      newest.at = now
      newest.amount += amount
    } else this.#spent.push({ at: now, amount })
    this.#sum += amount
  }

  /** What was drawn, each with its age in ms: for a later process. */
  save(now: number): readonly (readonly [ageMs: number, amount: number])[] {
    this.spentAt(now)
    return this.#spent.map(({ at, amount }) => [now - at, amount] as const)
  }

  restore(saved: readonly (readonly [ageMs: number, amount: number])[], now: number): void {
    this.#spent.length = 0
    this.#sum = 0
    for (const [ageMs, amount] of saved) {
      this.#spent.push({ at: now - Math.max(0, ageMs), amount })
      this.#sum += amount
    }
  }
}
