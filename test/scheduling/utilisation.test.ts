import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import type { Priority } from '../../src/task/priority.ts'
import { createCore } from '../support/core.ts'
import { drive, logNormal } from '../support/drive.ts'
import { seededRandom } from '../support/random.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const TASKS = 10_000
const SLOTS = 4

test('with everything switched on the slots are busy 99.9 % of the time', { timeout: 120_000 }, async () => {
  const clock = new VirtualClock()
  const random = seededRandom(5)
  let busyMs = 0
  let lastQueuedAt = 0
  const input = z.object({ ms: z.number() })
  const sleep = async (ms: number) => {
    const from = clock.monotonic()
    await clock.sleep(ms)
    // What runs while the queue is empty is no measure of the queue.
    if (core.pool.waiting > 0) lastQueuedAt = clock.monotonic()
    busyMs += Math.min(clock.monotonic(), lastQueuedAt) - Math.min(from, lastQueuedAt)
  }
  const types = [
    defineTask({ type: 'plain', input, run: ({ ms }) => sleep(ms) }),
    defineTask({ type: 'few', input, concurrency: 2, run: ({ ms }) => sleep(ms) }),
    defineTask({
      type: 'model',
      input,
      resources: { llm: {} },
      run: ({ ms }, ctx) => ctx.resource('llm', { tokens: 100 }, () => sleep(ms)),
    }),
    defineTask({
      type: 'shaky',
      input,
      retry: { baseMs: 100, capMs: 1000 },
      run: async ({ ms }, ctx) => {
        await sleep(ms)
        if (ctx.attempt === 1 && random() < 0.1)
          throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
      },
    }),
  ]
  const core = createCore({
    clock,
    types,
    slots: SLOTS,
    capacity: TASKS,
    headStartMs: 60_000,
    weightOf: (caller) => (caller === 'a' ? 2 : 1),
    maxRunningPerCaller: 3,
    maxQueuedPerCaller: TASKS,
    random: seededRandom(6),
    limits: { llm: { concurrency: { floor: 1, ceiling: 3 }, requestsPerMinute: 1000, tokensPerMinute: 1e6 } },
  })
  core.pool.pause()
  for (let count = 0; count < TASKS; count += 1) {
    const type = ['plain', 'few', 'model', 'shaky'][Math.floor(random() * 4)] ?? 'plain'
    const caller = ['a', 'b', 'c'][Math.floor(random() * 3)] ?? 'a'
    const ms = Math.min(50_000, Math.max(1, logNormal(random, 5000, 1)))
    await core.submit(type, { ms }, Math.floor(random() * 4) as Priority, { caller })
  }
  const from = clock.monotonic()
  core.pool.resume()
  await drive(clock, () => core.lifecycle.counters.of('completed') === TASKS, 24)
  expect(core.lifecycle.counters.of('completed')).toBe(TASKS)
  expect(busyMs / (SLOTS * (lastQueuedAt - from))).toBeGreaterThanOrEqual(0.999)
})
