import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { PRIORITIES, type Priority } from '../../src/task/priority.ts'
import { createCore } from '../support/core.ts'
import { drive, logNormal } from '../support/drive.ts'
import { seededRandom } from '../support/random.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** `npm run test:long` makes it 10 000. */
const TASKS = process.env['OPERATIONS'] === undefined ? 5000 : 10_000
const SLOTS = 3
const MEAN_MS = 60_000

interface Load {
  readonly tasks: number
  /** Share of what the slots can do. */
  readonly load: number
  readonly meanMs?: number
}

/** Poisson arrivals of all levels with log-normal run times, in virtual time. */
function setup(seed: number) {
  const clock = new VirtualClock()
  const random = seededRandom(seed)
  const run = defineTask({
    type: 'run',
    input: z.object({ ms: z.number() }),
    timeoutMs: 2 ** 31 - 1,
    run: ({ ms }) => clock.sleep(ms),
  })
  const core = createCore({
    clock,
    types: [run],
    slots: SLOTS,
    capacity: 100_000,
    random: seededRandom(seed + 1),
  })
  const estimates: {
    readonly priority: Priority
    readonly id: string
    readonly p50: number
    readonly p90: number
  }[] = []
  const play = async ({ tasks, load, meanMs = MEAN_MS }: Load) => {
    estimates.length = 0
    const gapMs = meanMs / SLOTS / load
    for (let count = 0; count < tasks; count += 1) {
      let isDue = false
      clock.after(-gapMs * Math.log(1 - random()), () => (isDue = true))
      await drive(clock, () => isDue, 24)
      const priority = Math.floor(random() * 4) as Priority
      const reply = await core.submit('run', { ms: logNormal(random, meanMs, 0.8) }, priority)
      if (reply.kind !== 'accepted') throw new Error(reply.kind)
      const { wait } = reply.place
      if (wait !== null) estimates.push({ priority, id: reply.task.id, p50: wait.p50, p90: wait.p90 })
    }
    await drive(clock, () => core.pool.waiting + core.pool.running === 0, 24)
  }
  const coverage = async (which: (priority: Priority) => boolean, from = 0) => {
    const [seen, half, most] = [[] as number[], [] as boolean[], [] as boolean[]]
    for (const { id, priority, p50, p90 } of estimates.slice(from)) {
      if (p90 === 0 || !which(priority)) continue
      const task = await core.journal.tasks.task(id)
      const waitMs = (task?.startedAt ?? 0) - (task?.createdAt ?? 0)
      seen.push(waitMs)
      half.push(waitMs <= p50 * 1000)
      most.push(waitMs <= p90 * 1000)
    }
    const share = (hits: readonly boolean[]) => hits.filter(Boolean).length / hits.length
    return { samples: seen.length, p50: share(half), p90: share(most) }
  }
  return { ...core, play, coverage }
}

test(
  `of ${TASKS} tasks p90 covers 85 to 95 % and p50 40 to 60 %, at every level`,
  { timeout: 300_000 },
  async () => {
    const { play, coverage, estimator } = setup(20_261_122)
    await play({ tasks: TASKS, load: 0.9 })
    for (const level of PRIORITIES) {
      const seen = await coverage((priority) => priority === level)
      expect(seen.samples).toBeGreaterThan(TASKS / 10)
      expect(seen.p90, `p90 of level ${level}`).toBeGreaterThanOrEqual(0.85)
      expect(seen.p90, `p90 of level ${level}`).toBeLessThanOrEqual(0.95)
      expect(seen.p50, `p50 of level ${level}`).toBeGreaterThanOrEqual(0.4)
      expect(seen.p50, `p50 of level ${level}`).toBeLessThanOrEqual(0.6)
    }
    // What the server tells of itself is the same measure.
    const { p90 } = estimator.coverage.all
    expect(p90).toBeGreaterThan(0.8)
  },
)

test('when run times triple, estimates recover', { timeout: 120_000 }, async () => {
  const { play, coverage } = setup(7)
  await play({ tasks: 600, load: 0.9 })
  await play({ tasks: 600, load: 0.9, meanMs: 3 * MEAN_MS })
  // The first tasks of the new load are told apart from the old ones.
  const after = await coverage(() => true, 200)
  expect(after.p90).toBeGreaterThanOrEqual(0.8)
  expect(after.p50).toBeGreaterThanOrEqual(0.35)
})
