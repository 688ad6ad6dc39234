import { NO_LIMITS, NOTHING_WIRED } from './core.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { WorkerPool } from '../src/pool/worker-pool.ts'
import type { Outcome } from '../src/task/outcome.ts'
import { quantile, sampleTicket } from './support.ts'

const ROUNDS = 2000
const DONE: Outcome = {
  kind: 'completed',
  result: 'null',
  headline: { title: null, summary: null, filename: null, hash: null },
}

/** Time from submit to the first line of the handler on an idle slot, ms: one task at a time. */
export async function idleStart(): Promise<{ p50: number; p99: number }> {
  let submittedAt = 0
  const waits: number[] = []
  const pool = new WorkerPool(
    { ...NO_LIMITS, slots: 3, capacity: 10, maxStuck: 3 },
    {
      ...NOTHING_WIRED,
      work: async () => {
        waits.push(performance.now() - submittedAt)
        return DONE
      },
      ended: () => undefined,
    },
  )
  for (let round = 0; round < ROUNDS; round += 1) {
    submittedAt = performance.now()
    const place = pool.reserve(1, 'local')
    if (place === undefined) throw new Error('no place')
    pool.enqueue(sampleTicket(round, 1), place)
    await pool.whenIdle()
    if (round % 100 === 0) await sleep(1)
  }
  return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) }
}
