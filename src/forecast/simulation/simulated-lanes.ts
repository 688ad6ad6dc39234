/** Who waits in a simulation, as its number in the queue; what is below 0 is a newcomer, or an arrival. */
export const ARRIVAL = -100

/**
 * One FIFO of a simulated queue, as columns of numbers: it is replayed many times. Arrivals of a round are put
 * behind those that wait, and taken away again before the next.
 */
export class Lane {
  readonly level: number
  /** The type whose limit closes it; −1: none. */
  readonly limitedType: number
  readonly indices: number[] = []
  readonly types: number[] = []
  readonly ats: number[] = []
  readonly seqs: number[] = []
  head = 0
  #fixed = 0

  constructor(level: number, limitedType: number) {
    this.level = level
    this.limitedType = limitedType
  }

  get isEmpty(): boolean {
    return this.head === this.indices.length
  }

  put(waiting: { index: number; type: number; at: number; seq: number }): void {
    this.indices.push(waiting.index)
    this.types.push(waiting.type)
    this.ats.push(waiting.at)
    this.seqs.push(waiting.seq)
  }

  /** What is in it now is in it at the beginning of every round. */
  fix(): void {
    this.#fixed = this.indices.length
  }

  reset(): void {
    this.head = 0
    for (const column of [this.indices, this.types, this.ats, this.seqs]) column.length = this.#fixed
  }
}
