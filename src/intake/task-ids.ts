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
  let used = pool.length
  let msecs = 0
  let seq = 0

  return () => {
    const wall = now()
    seq = wall > msecs ? 0 : seq + 1
    msecs = Math.max(wall, msecs)
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const random = pool.subarray(used, (used += RANDOM_BYTES))
    return v7({ random, msecs, seq })
  }
}
