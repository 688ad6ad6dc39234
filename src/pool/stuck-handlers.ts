/**
 * Counts handlers that ignored their abort. Up to `limit` of them release their slot while they run on;
 * any more keep theirs, so that `running + stuck ≤ slots + limit` always holds.
 */
export class StuckHandlers {
  readonly limit: number
  #count = 0
  readonly #holding: (() => void)[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  /** Unresponsive handlers whose slot went to another task. */
  get count(): number {
    return this.#count
  }

  /** Unresponsive handlers that keep their slot because the limit is reached. */
  get holding(): number {
    return this.#holding.length
  }

  /** At the limit the process should be restarted: an unresponsive handler cannot be ended otherwise. */
  get isAtLimit(): boolean {
    return this.holding > 0 || (this.limit > 0 && this.#count >= this.limit)
  }

  /** Settles when the slot of the unresponsive handler may be given to the next task. */
  async admit(finished: Promise<void>): Promise<void> {
    if (this.#count < this.limit) {
      this.#count += 1
      void finished.then(() => this.#leave())
      return
    }
    await this.#hold(finished)
  }

  #leave(): void {
    this.#count -= 1
    this.#holding.shift()?.()
  }

  /** Waits for the handler's end or for a free place among the stuck, whichever comes first. */
  #hold(finished: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const promote = () => {
        this.#count += 1
        void finished.then(() => this.#leave())
        resolve()
      }
      this.#holding.push(promote)
      void finished.then(() => {
        const at = this.#holding.indexOf(promote)
        if (at < 0) return
        this.#holding.splice(at, 1)
        resolve()
      })
    })
  }
}
