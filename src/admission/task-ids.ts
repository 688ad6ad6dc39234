import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const RANDOM_BYTES = 16
/** One call to the system's random source serves this many ids. */
const IDS_PER_FILL = 256
const TIME_BITS_HEX = 12

/**
 * Makes task ids: UUIDv7 (RFC 9562) with a 32-bit counter, strictly rising even when the wall clock is
 * set back, so ids sort in the order of their making.
 */
export class TaskIds {
  readonly #now: () => number
  readonly #pool = Buffer.alloc(RANDOM_BYTES * IDS_PER_FILL)
  readonly #randoms: readonly Buffer[]
  readonly #bytes = Buffer.alloc(RANDOM_BYTES)
  #used = IDS_PER_FILL
  #msecs = 0
  #seq = 0

  constructor(now: () => number) {
    this.#now = now
    this.#randoms = Array.from({ length: IDS_PER_FILL }, (_, index) =>
      this.#pool.subarray(index * RANDOM_BYTES, (index + 1) * RANDOM_BYTES),
    )
  }

  /** Every further id will be greater than this one, which an earlier process made. */
  follow(id: string): void {
    const msecs = Number.parseInt(id.replaceAll('-', '').slice(0, TIME_BITS_HEX), 16)
    // Its counter is not read: the next millisecond is greater whatever it was.
    if (msecs >= this.#msecs) this.#msecs = msecs + 1
  }

  next(): string {
    const wall = this.#now()
    this.#seq = wall > this.#msecs ? 0 : this.#seq + 1
    this.#msecs = Math.max(wall, this.#msecs)
    if (this.#used === IDS_PER_FILL) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    v7({ random: this.#randoms[this.#used] as Buffer, msecs: this.#msecs, seq: this.#seq }, this.#bytes)
    this.#used += 1
    const hex = this.#bytes.toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }
}
