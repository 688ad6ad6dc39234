/** Amounts that were drawn close together. Times are monotonic, ms. */
interface Piece {
  /** When the first of them was drawn. */
  readonly from: number
  /** When the last was: until then all of them count. */
  at: number
  amount: number
}

/** What a later process has to know. */
export interface SavedWindow {
  readonly windowMs: number
  /** What was drawn, each with its age, and for how long before that; notes of earlier versions have no span. */
  readonly spent: readonly (readonly [ageMs: number, amount: number, spanMs?: number])[]
}

/** Amounts of one window are merged into this many pieces, each as late as its latest part. */
const PIECES = 60

/** At most `limit` in any `windowMs`: a sliding window that is never passed, and late by one piece at the most. */
export class RateWindow {
  readonly windowMs: number
  limit: number
  readonly #spent: Piece[] = []
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

  /** ms until this amount fits; 0: now. More than the whole limit never fits: Infinity. */
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
    this.#sum += amount
    const newest = this.#spent.at(-1)
    if (newest !== undefined && now - newest.from < this.windowMs / PIECES) {
      newest.at = now
      newest.amount += amount
    } else this.#spent.push({ from: now, at: now, amount })
  }

  /** More, or less, was drawn at that time than was thought; what counts no more is left as it is. */
  correct(drawnAt: number, change: number): void {
    const piece = this.#spent.find(({ from, at }) => from <= drawnAt && drawnAt <= at)
    if (piece === undefined) return
    piece.amount += change
    this.#sum += change
  }

  save(now: number): SavedWindow {
    this.spentAt(now)
    return {
      windowMs: this.windowMs,
      spent: this.#spent.map(({ from, at, amount }) => [now - at, amount, at - from] as const),
    }
  }

  /** @param idleMs time between the save and now */
  restore({ spent }: SavedWindow, idleMs: number, now: number): void {
    this.#spent.length = 0
    this.#sum = 0
    for (const [ageMs, amount, spanMs = 0] of spent) {
      const at = now - Math.max(0, ageMs) - idleMs
      this.#spent.push({ from: at - Math.max(0, spanMs), at, amount })
      this.#sum += amount
    }
  }
}
