import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { createCore, type CoreGiven } from '../support/core.ts'
import { drive } from '../support/drive.ts'
import { seededRandom } from '../support/random.ts'
import { settled } from '../support/settle.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const RUN_MS = 10_000

function setup(given: CoreGiven = {}) {
  const clock = new VirtualClock()
  const starts: { readonly caller: string; readonly id: string; readonly at: number }[] = []
  const run = defineTask({
    type: 'run',
    input: z.object({ caller: z.string(), ms: z.number() }),
    run: async ({ caller, ms }, ctx) => {
      starts.push({ caller, id: ctx.taskId, at: clock.monotonic() })
      await clock.sleep(ms)
    },
  })
  const core = createCore({ clock, types: [run], slots: 3, capacity: 5000, ...given })
  const submit = (caller: string, priority: 0 | 1 | 2 | 3 = 1, ms = RUN_MS) =>
    core.submit('run', { caller, ms }, priority, { caller })
  return { ...core, starts, submit }
}

test('a caller with 1000 queued tasks delays the single task of another by one turn of a slot at most', async () => {
  const { submit, starts, clock, pool } = setup({ weightOf: () => 1 })
  for (let count = 0; count < 1000; count += 1) await submit('hog')
  await drive(clock, () => starts.length > 50)
  const at = clock.monotonic()
  await submit('light')
  await drive(clock, () => starts.some(({ caller }) => caller === 'light'))
  const start = starts.find(({ caller }) => caller === 'light')
  expect((start?.at ?? Infinity) - at).toBeLessThanOrEqual(RUN_MS)
  expect(pool.waiting).toBeGreaterThan(900)
})

test('without turns it waits behind all of them', async () => {
  const { submit, starts, clock } = setup()
  for (let count = 0; count < 100; count += 1) await submit('hog')
  await submit('light')
  await drive(clock, () => starts.some(({ caller }) => caller === 'light'))
  expect(starts.findIndex(({ caller }) => caller === 'light')).toBe(100)
})

test('the waiting and the running tasks of a caller are bounded, and the others are not held back', async () => {
  const { submit, pool, starts, clock } = setup({ maxQueuedPerCaller: 4, maxRunningPerCaller: 1 })
  const replies = []
  for (let count = 0; count < 7; count += 1) replies.push(await submit('hog'))
  await settled()
  expect(replies.map((reply) => (reply.kind === 'refused' ? reply.code : reply.kind))).toEqual([
    ...Array.from({ length: 5 }, () => 'accepted'),
    'user-queue-full',
    'user-queue-full',
  ])
  await submit('light')
  await settled()
  expect(starts.map(({ caller }) => caller)).toEqual(['hog', 'light'])
  expect(pool.running).toBe(2)
  await drive(clock, () => pool.waiting + pool.running === 0)
  expect(starts).toHaveLength(6)
})

test(
  'under a tenfold flood of URGENT the oldest LOW task starts within a computable bound',
  { timeout: 120_000 },
  async () => {
    const headStartMs = 60_000
    const capacity = 30
    const slots = 3
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const random = seededRandom(seed)
        const { submit, starts, clock } = setup({ headStartMs, capacity, slots })
        const longest = 2 * RUN_MS
        const draw = () => longest * random()
        for (let count = 0; count < 5; count += 1) await submit('flood', 3, draw())
        const reply = await submit('low', 0)
        const id = reply.kind === 'accepted' ? reply.task.id : ''
        const from = clock.monotonic()
        const gapMs = RUN_MS / slots / 10
        // Three times the head start, and the time in which a full queue of the longest tasks runs dry.
        const boundMs = 3 * headStartMs + ((capacity + slots) / slots) * longest
        while (!starts.some((start) => start.id === id) && clock.monotonic() - from <= boundMs + longest) {
          await submit('flood', 3, draw())
          clock.advance(-gapMs * Math.log(1 - random()))
          await settled()
        }
        const start = starts.find((each) => each.id === id)
        expect((start?.at ?? Infinity) - from).toBeLessThanOrEqual(boundMs)
      }),
      { numRuns: process.env['OPERATIONS'] === undefined ? 4 : 20 },
    )
  },
)

test('the same flood starves LOW where levels are strict', async () => {
  const { submit, starts, clock } = setup({ capacity: 30 })
  for (let count = 0; count < 5; count += 1) await submit('flood', 3)
  await submit('low', 0)
  while (clock.monotonic() < 300_000) {
    await submit('flood', 3)
    clock.advance(RUN_MS / 30)
    await settled()
  }
  expect(starts.some(({ caller }) => caller === 'low')).toBe(false)
})
