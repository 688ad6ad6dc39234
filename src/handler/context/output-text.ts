/** A chunk as it is reported; `reset`: what was reported before is replaced by it. */
export interface OutputChunk {
  readonly chunk: string
  readonly reset: boolean
}

/**
 * The output of one run beside what earlier runs of the task have reported. A later run writes the beginning once more,
 * as from kept steps: what is equal is not reported again, and what differs replaces all of it.
 */
export class OutputText {
  /** Of earlier runs; null once this run has gone its own way. */
  #sent: string | null
  /** How much of it this run has written again. */
  #matched = 0

  constructor(sent: string) {
    this.#sent = sent === '' ? null : sent
  }

  /** What is to be reported of a chunk; null: nothing, it was reported before. */
  push(chunk: string): OutputChunk | null {
    const sent = this.#sent
    if (sent === null) return { chunk, reset: false }
    const expected = sent.slice(this.#matched, this.#matched + chunk.length)
    if (!chunk.startsWith(expected)) {
      this.#sent = null
      return { chunk: sent.slice(0, this.#matched) + chunk, reset: true }
    }
    this.#matched += expected.length
    if (this.#matched < sent.length) return null
    this.#sent = null
    const rest = chunk.slice(expected.length)
    return rest === '' ? null : { chunk: rest, reset: false }
  }
}
