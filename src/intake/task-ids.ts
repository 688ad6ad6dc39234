import { randomFillSync } from 'node:crypto'
import { v7 } from 'uuid'

const RANDOM_BYTES = 16
/** One call to the system's random source serves this many ids. */
const IDS_PER_FILL = 256

/**
 * Makes task ids: UUIDv7 (RFC 9562) with a 32-bit counter, strictly rising even when the wall clock is
 * set back, so ids sort in the order of their making.
 */
export function createTaskIds(now: () => number): () => string {
  const pool = Buffer.alloc(RANDOM_BYTES * IDS_PER_FILL)
  const randoms = Array.from({ length: IDS_PER_FILL }, (_, index) =>
    pool.subarray(index * RANDOM_BYTES, (index + 1) * RANDOM_BYTES),
  )
  const bytes = Buffer.alloc(RANDOM_BYTES)
  let used = IDS_PER_FILL
  let msecs = 0
  let seq = 0

  return () => {
    const wall = now()
    seq = wall > msecs ? 0 : seq + 1
    msecs = Math.max(wall, msecs)
    if (used === IDS_PER_FILL) {
      randomFillSync(pool)
      used = 0
    }
    v7({ random: randoms[used] as Buffer, msecs, seq }, bytes)
    used += 1
    const hex = bytes.toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  }
}
