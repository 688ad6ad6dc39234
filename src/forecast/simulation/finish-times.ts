/** Running tasks of a simulation by the time at which they end: a binary heap over plain arrays. */
export class FinishTimes {
  readonly #times: number[] = []
  readonly #tags: number[] = []

  get size(): number {
    return this.#times.length
  }

  /** The earliest end; Infinity when nothing runs. */
  get next(): number {
    return this.#times[0] ?? Infinity
  }

  clear(): void {
    this.#times.length = this.#tags.length = 0
  }

  /** @param tag what the caller wants to know of the task when it ends */
  push(time: number, tag: number): void {
    const times = this.#times
    let at = times.push(time) - 1
    this.#tags.push(tag)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((times[parent] as number) <= time) break
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Takes out the earliest; its tag. */
  pop(): number {
    const tag = this.#tags[0] as number
    const [time, last] = [this.#times.pop() as number, this.#tags.pop() as number]
    if (this.#times.length > 0) {
      this.#times[0] = time
      this.#tags[0] = last
      this.#sink()
    }
    return tag
  }

  #sink(): void {
    const times = this.#times
    for (let at = 0; ;) {
      const left = 2 * at + 1
      if (left >= times.length) return
      const right = left + 1
      const child = right < times.length && (times[right] as number) < (times[left] as number) ? right : left
      if ((times[at] as number) <= (times[child] as number)) return
      this.#swap(at, child)
      at = child
    }
  }

  #swap(a: number, b: number): void {
    const [time, tag] = [this.#times[a] as number, this.#tags[a] as number]
    this.#times[a] = this.#times[b] as number
    this.#tags[a] = this.#tags[b] as number
    this.#times[b] = time
    this.#tags[b] = tag
  }
}
