/** Each first attempt pays for a fifth of a retry. */
const EARNED = 0.2
/** Retries that are free at the beginning, and the most that can be saved up. */
const MOST = 20

/** Bounds the retries of a task type to a share of its first attempts, as gRPC and Finagle do. */
export class RetryBudget {
  #balance = MOST

  earn(): void {
    this.#balance = Math.min(MOST, this.#balance + EARNED)
  }

  /** Pays for one retry; false: there is nothing to pay with. */
  spend(): boolean {
    if (this.#balance < 1) return false
    this.#balance -= 1
    return true
  }
}
