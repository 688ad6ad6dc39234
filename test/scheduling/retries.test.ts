import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask, type TaskDefinition } from '../../src/handler/define-task.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { TaskError } from '../../src/task/failure.ts'
import { createCore, memoryJournal, recoverFrom } from '../support/core.ts'
import { drive } from '../support/drive.ts'
import { settled } from '../support/settle.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** A type that throws what is in the list, one by one, and then succeeds. */
function setup(errors: unknown[], also: Partial<TaskDefinition> = {}, journal: Journal = memoryJournal()) {
  const clock = new VirtualClock()
  const steps: string[] = []
  const type = defineTask({
    type: 'shaky',
    input: z.object({}),
    run: async (_input, ctx) => {
      await ctx.step('once', () => steps.push(`${ctx.taskId} ${ctx.attempt}`))
      if (errors.length > 0) throw errors.shift()
      return 'done'
    },
    ...also,
  })
  const core = createCore({ clock, types: [type], journal, slots: 2 })
  const idle = () => drive(clock, () => false)
  return { ...core, steps, idle }
}

const reset = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })

test('an error that passes is tried again after a pause with full jitter; kept steps are not done again', async () => {
  const { submitId, journal, lifecycle, eventsOf, steps, idle } = setup([reset(), reset()])
  const id = await submitId('shaky')
  await idle()
  const task = await journal.tasks.task(id)
  expect(task).toMatchObject({ status: 'completed', attempt: 3, run: 3 })
  expect(task?.history.map(({ outcome, errorType, attempt }) => [outcome, errorType, attempt])).toEqual([
    ['retry_backoff', 'network_timeout', 1],
    ['retry_backoff', 'network_timeout', 2],
    ['completed', null, 3],
  ])
  const events = await eventsOf(id)
  expect(events.map(({ type }) => type).join(' ')).toBe(
    'queued started retrying queued started retrying queued started result',
  )
  // Half of 2 s, then half of 4 s, where the random number is a half.
  const [first, second] = events.filter((event) => event.type === 'retrying')
  expect([(first?.retryAt ?? 0) - (first?.at ?? 0), (second?.retryAt ?? 0) - (second?.at ?? 0)]).toEqual([
    1000, 2000,
  ])
  expect(steps).toHaveLength(1)
  expect(lifecycle.counters.retried).toBe(2)
})

test('attempts are used up, and the last failure is shown', async () => {
  const { submitId, journal, idle } = setup([reset(), reset(), reset(), reset()])
  const id = await submitId('shaky')
  await idle()
  expect(await journal.tasks.task(id)).toMatchObject({
    status: 'error',
    attempt: 3,
    failure: { errorType: 'network_timeout' },
  })
})

test('a rate limit uses no attempt up, and its time is kept', async () => {
  const limited = () => new TaskError('provider_rate_limited', 'slow down', { retryAfterSeconds: 90 })
  const { submitId, journal, clock, eventsOf, idle } = setup([limited(), limited(), limited(), limited()])
  const from = clock.now()
  const id = await submitId('shaky')
  await idle()
  const task = await journal.tasks.task(id)
  expect(task).toMatchObject({ status: 'completed', attempt: 1, run: 5 })
  expect((task?.finishedAt ?? 0) - from).toBe(4 * 90_000)
  const retrying = (await eventsOf(id)).find((event) => event.type === 'retrying')
  expect(retrying).toMatchObject({ waitReason: 'rate_limit', failure: { retryAfterSeconds: 90 } })
})

test('what another attempt cannot fix is the end at once', async () => {
  const { submitId, journal, idle } = setup([Object.assign(new Error('gone'), { status: 404 })])
  const id = await submitId('shaky')
  await idle()
  expect(await journal.tasks.task(id)).toMatchObject({ status: 'error', run: 1 })
})

test('a type can classify its own errors', async () => {
  const classify = (thrown: unknown) =>
    (thrown as Error).message === 'busy' ? ('retry' as const) : undefined
  const { submitId, journal, idle } = setup([new Error('busy'), new Error('odd')], { retry: { classify } })
  const id = await submitId('shaky')
  await idle()
  expect(await journal.tasks.task(id)).toMatchObject({ status: 'error', run: 2, failure: { message: 'odd' } })
})

test('a parked task is cancelled like any other', async () => {
  const { submitId, journal, admission, idle } = setup([reset()])
  const id = await submitId('shaky')
  await settled()
  expect((await admission.cancel(id)).kind).toBe('cancelled')
  await idle()
  expect(await journal.tasks.task(id)).toMatchObject({ status: 'cancelled', run: 1 })
})

test('a delay, a start deadline and the time limit are three things', async () => {
  const { submitId, journal, clock, lifecycle, pool } = setup([], { run: () => new Promise(() => {}) })
  const from = clock.now()
  const delayed = await submitId('shaky', {}, 1, { delayMs: 60_000, timeoutMs: 5000 })
  expect(await journal.tasks.task(delayed)).toMatchObject({ status: 'scheduled', waitUntil: from + 60_000 })
  expect(pool.taken).toBe(1)
  pool.pause()
  const impatient = await submitId('shaky', {}, 3, { startDeadlineMs: 30_000 })
  clock.advance(30_000)
  await settled()
  expect(await journal.tasks.task(impatient)).toMatchObject({
    status: 'expired',
    run: 0,
    failure: { errorType: 'expired' },
  })
  pool.resume()
  clock.advance(30_000)
  await settled()
  expect(await journal.tasks.task(delayed)).toMatchObject({ status: 'running', startedAt: from + 60_000 })
  clock.advance(5000 + 10_000)
  await settled()
  expect(await journal.tasks.task(delayed)).toMatchObject({ status: 'timeout' })
  expect([lifecycle.counters.of('expired'), lifecycle.counters.of('timeout')]).toEqual([1, 1])
})

test('delayed tasks outlive the process: each runs when it is due', async () => {
  const journal = memoryJournal()
  const first = setup([reset(), reset()], {}, journal)
  const retried = await first.submitId('shaky')
  await settled()
  const scheduled = await first.submitId('shaky', {}, 1, { delayMs: 60_000 })
  expect(await journal.tasks.task(retried)).toMatchObject({ status: 'waiting', attempt: 1 })

  const second = setup([], {}, journal)
  const { pool, clock } = second
  await recoverFrom(journal, second)
  expect([pool.asleep, pool.taken]).toEqual([2, 1])
  clock.advance(1000)
  await settled()
  expect(await journal.tasks.task(retried)).toMatchObject({ status: 'completed', attempt: 2, run: 2 })
  expect((await journal.tasks.task(scheduled))?.status).toBe('scheduled')
  clock.advance(59_000)
  await settled()
  expect((await journal.tasks.task(scheduled))?.status).toBe('completed')
})

test('a task that is parked for more than 48 hours is given up, with the cause and the time', async () => {
  const limited = () => new TaskError('provider_rate_limited', 'slow down', { retryAfterSeconds: 600 })
  const { submitId, journal, clock, idle } = setup(Array.from({ length: 1000 }, limited))
  const from = clock.now()
  const id = await submitId('shaky')
  await idle()
  const task = await journal.tasks.task(id)
  expect(task).toMatchObject({ status: 'error', failure: { errorType: 'provider_rate_limited' } })
  expect(task?.failure?.message).toContain('48 hours')
  const parkedHours = ((task?.finishedAt ?? 0) - from) / 3_600_000
  expect(parkedHours).toBeGreaterThan(48)
  expect(parkedHours).toBeLessThan(48.5)
})

test('the newest twenty runs of a task are shown', async () => {
  const limited = () => new TaskError('provider_rate_limited', 'slow down', { retryAfterSeconds: 1 })
  const { submitId, journal, idle } = setup(Array.from({ length: 25 }, limited))
  const id = await submitId('shaky')
  await idle()
  const task = await journal.tasks.task(id)
  expect(task?.history.map(({ run }) => run)).toEqual(Array.from({ length: 20 }, (_, index) => index + 7))
  expect(task?.history.at(-1)?.outcome).toBe('completed')
})
