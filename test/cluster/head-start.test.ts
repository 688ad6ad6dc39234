import { describe, expect, test } from 'vitest'
import { PriorityQueue } from '../../src/pool/order/priority-queue.ts'
import type { Priority } from '../../src/task/priority.ts'
import { openOrder } from '../support/cluster-order.ts'
import { poolDefaults } from '../support/pool.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { sampleTicket } from '../support/tasks.ts'

const programs = postgresPrograms()

describe.skipIf(programs === undefined)('levels with a head start', () => {
  const postgres = usePostgres(programs)

  test.each([100, 1000])(
    'the order is that of a queue in one process (%i ms)',
    { timeout: 60_000 },
    async (headStartMs) => {
      const { submit, take } = await openOrder(await postgres.newDatabase(), { weightOf: null, headStartMs })
      const local = new PriorityQueue({ ...poolDefaults(), headStartMs, weightOf: null })
      const random = seededRandom(9)
      let now = Date.now()
      // With the last task that has not ended all places begin anew.
      await submit([{ caller: 'later', delayMs: 1e9 }], now)
      let [passed, waited] = [0, 0]
      const waiting = new Map<string, Priority>()
      for (let step = 0; step < 100 || waiting.size > 0; step += 1) {
        now += 1 + Math.floor(random() * 200)
        if (step < 100 && random() < 0.6) {
          const priority = Math.floor(random() * 4) as Priority
          // None of two levels stand at the same instant: there the clock decides, or the level.
          now += 4 - (now % 4) + priority
          const [{ id } = { id: '' }] = await submit([{ caller: 'a', priority }], now)
          local.put(sampleTicket({ id, priority, createdAt: now }), local.arrive())
          waiting.set(id, priority)
          continue
        }
        const expected = local.take()?.ticket.id
        expect((await take(step))?.id, `step ${step}`).toBe(expected)
        const level = waiting.get(expected ?? '') ?? 0
        const [oldest = 0] = waiting.values()
        waiting.delete(expected ?? '')
        if (level > oldest) passed += 1
        if ([...waiting.values()].some((each) => each > level)) waited += 1
      }
      // Urgent tasks pass older ones, and old ones go before more urgent ones.
      expect(passed).toBeGreaterThan(5)
      expect(waited).toBeGreaterThan(5)
    },
  )
})
