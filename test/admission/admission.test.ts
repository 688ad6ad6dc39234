import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { Positions } from '../../src/lifecycle/position-updates.ts'
import { ShuttingDown } from '../../src/task/outcome.ts'
import { TASK_STATUSES } from '../../src/task/status.ts'
import { PLAIN } from '../../src/http/routes/submit/read-submission.ts'
import { createCore, memoryJournal, type CoreGiven } from '../support/core.ts'
import { settled } from '../support/settle.ts'

/** Task types that succeed, throw, wait for their signal, and run until they are asked to end. */
function setup(given: CoreGiven = {}) {
  const ends: (() => void)[] = []
  const input = z.object({})
  const types = [
    defineTask({ type: 'good', input, run: () => 'fine' }),
    defineTask({ type: 'bad', input, run: () => Promise.reject(new Error('bad')) }),
    defineTask({
      type: 'slow',
      input,
      run: (_input, ctx) =>
        new Promise((resolve, reject) => {
          ends.push(() => resolve(null))
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
        }),
    }),
    defineTask({ type: 'picky', input: z.object({ pages: z.array(z.number()) }), run: () => null }),
  ]
  const core = createCore({ types, ...given })
  const status = async (id: string) => (await core.journal.tasks.task(id))?.status
  return { ...core, ends, status }
}

test('an accepted task is in the journal, and its place is known', async () => {
  const { submit, journal } = setup({ slots: 0 })
  await submit('good', {}, 2)
  const reply = await submit('good')
  expect(reply).toMatchObject({ kind: 'accepted', place: { queuePosition: 2, tasksAhead: 1 } })
  const { tasks } = await journal.tasks.list({ limit: 10 })
  expect(tasks.map((task) => task.status)).toEqual(['queued', 'queued'])
})

test('an unknown type and a bad input are refused before a place is taken', async () => {
  const { submit, pool, lifecycle } = setup()
  expect(await submit('unknown')).toEqual({ kind: 'unknown-type', type: 'unknown' })
  expect(await submit('picky', { pages: [1, 'x'], extra: 1 })).toMatchObject({
    kind: 'invalid',
    code: 'validation',
    issues: [{ path: 'pages.1' }, { path: '' }],
  })
  expect([pool.waiting, pool.taken, lifecycle.counters.accepted, lifecycle.counters.rejected]).toEqual([
    0, 0, 0, 0,
  ])
})

test('exactly as many tasks are accepted as there are places, also in one turn', async () => {
  const { submit, lifecycle } = setup({ slots: 0, capacity: 10 })
  const replies = await Promise.all(Array.from({ length: 100 }, () => submit('good')))
  expect(replies.filter((reply) => reply.kind === 'accepted')).toHaveLength(10)
  const refused = replies.find((reply) => reply.kind === 'refused')
  expect(refused).toMatchObject({ code: 'queue-full', waiting: 10, capacity: 10, retryAfterSeconds: 30 })
  expect(lifecycle.counters.rejected).toBe(90)
})

test('a closed intake refuses as draining', async () => {
  const { submit, admission } = setup()
  admission.intake.close()
  expect(await submit('good')).toMatchObject({ kind: 'refused', code: 'draining' })
})

test('a task that cannot be written down is refused and leaves its place', async () => {
  const journal = memoryJournal()
  journal.tasks.admit = () => Promise.reject(new Error('disk'))
  const { submit, pool, lifecycle } = setup({ journal })
  expect(await submit('good')).toMatchObject({ kind: 'refused', code: 'journal-unavailable' })
  expect([pool.taken, pool.waiting, lifecycle.counters.accepted]).toEqual([0, 0, 0])
})

test('a journal that fails later is fatal, and no event is sent of what it did not keep', async () => {
  const journal = memoryJournal()
  let isBroken = false
  const append = journal.tasks.append.bind(journal.tasks)
  journal.tasks.append = (entry) => (isBroken ? Promise.reject(new Error('disk')) : append(entry))
  const fatal: unknown[] = []
  const { submitId, ends, bus } = setup({ journal, onFatal: (error) => fatal.push(error) })
  const id = await submitId('slow')
  const subscription = bus.subscribe(id)
  await settled()
  isBroken = true
  ends[0]?.()
  await settled()
  subscription.close()
  const heard = []
  for await (const feedEvent of subscription) heard.push(feedEvent.type)
  expect([fatal.length, heard]).toEqual([1, []])
})

test('cancelling: a waiting task ends at once, a running one when its handler does, an ended one not again', async () => {
  const { submitId, admission, status, eventsOf } = setup()
  const running = await submitId('slow')
  const waiting = await submitId('slow')
  expect((await admission.cancel(waiting)).kind).toBe('cancelled')
  expect((await admission.cancel(running)).kind).toBe('cancelling')
  await settled()
  expect([await status(waiting), await status(running)]).toEqual(['cancelled', 'cancelled'])
  expect((await admission.cancel(running)).kind).toBe('already-finished')
  expect((await admission.cancel('unknown')).kind).toBe('unknown')
  expect((await eventsOf(running)).map((event) => event.type)).toEqual([
    'queued',
    'started',
    'cancelling',
    'error',
  ])
  expect((await eventsOf(waiting)).map((event) => event.type)).toEqual(['queued', 'error'])
})

test('cancelling twice gives the same answer', async () => {
  const { submitId, admission, pool } = setup({
    types: [defineTask({ type: 'stuck', input: z.object({}), run: () => new Promise(() => {}) })],
  })
  const id = await submitId('stuck')
  await settled()
  expect([(await admission.cancel(id)).kind, (await admission.cancel(id)).kind]).toEqual([
    'cancelling',
    'cancelling',
  ])
  expect(pool.running).toBe(1)
})

test('a run that is timing out ends as timeout, also when it is cancelled meanwhile', async () => {
  const types = [
    defineTask({ type: 'stuck', input: z.object({}), timeoutMs: 1000, run: () => new Promise(() => {}) }),
  ]
  const { submitId, admission, clock, status, eventsOf } = setup({ types })
  const id = await submitId('stuck')
  clock.advance(1000)
  expect((await admission.cancel(id)).kind).toBe('cancelling')
  clock.advance(10_000)
  await settled()
  expect(await status(id)).toBe('timeout')
  expect((await eventsOf(id)).map((event) => event.type)).toEqual(['queued', 'started', 'error'])
})

test('a stop gives the attempt back and puts the task in front; a cancel meanwhile is kept', async () => {
  const { submitId, admission, pool, journal, status } = setup({ slots: 2 })
  const first = await submitId('slow')
  const second = await submitId('slow')
  pool.pause()
  pool.abortAll(new ShuttingDown(), 5000)
  await admission.cancel(second)
  await settled()
  expect(await journal.tasks.task(first)).toMatchObject({
    status: 'queued',
    attempt: 0,
    run: 1,
    startedAt: null,
  })
  expect(await status(second)).toBe('cancelled')
})

test('the numbers add up while tasks succeed, throw, time out and are cancelled', async () => {
  const { submitId, admission, lifecycle, clock, pool } = setup({ slots: 2 })
  for (const type of ['good', 'bad', 'good', 'bad', 'good']) await submitId(type)
  await settled()
  const slow = await submitId('slow')
  await submitId('slow')
  const waiting = await submitId('slow')
  await admission.cancel(waiting)
  await admission.cancel(slow)
  clock.advance(60_000)
  await pool.whenIdle()
  await settled()
  const { counters } = lifecycle
  expect(
    ['completed', 'error', 'timeout', 'cancelled'].map((status) => counters.of(status as 'error')),
  ).toEqual([3, 2, 1, 2])
  expect(TASK_STATUSES.reduce((sum, status) => sum + counters.of(status), 0)).toBe(8)
})

test('a watched task gets an event of its new place, at most every two seconds, and only when it has changed', async () => {
  const { submitId, pool, bus, estimator, clock, ends } = setup()
  const positions = new Positions({ pool, bus, estimator, clock })
  positions.start()
  for (let count = 0; count < 3; count += 1) await submitId('slow')
  const last = await submitId('slow')
  const subscription = bus.subscribe(last)
  const heard: number[] = []
  const reading = (async () => {
    for await (const feedEvent of subscription)
      if (feedEvent.type === 'position') heard.push(feedEvent.queuePosition)
  })()
  const tick = async () => {
    clock.advance(2000)
    await settled()
  }
  await tick()
  await tick()
  ends[0]?.()
  await settled()
  await tick()
  await tick()
  positions.stop()
  subscription.close()
  await reading
  expect([heard, clock.pending]).toEqual([[2], 1])
})

test('a place that was reserved for a submit is free again when its work is known already', async () => {
  const { admission, pool } = setup({ slots: 0 })
  const bare = { ...PLAIN, type: 'good', input: {}, priority: 1, caller: 'local', key: null } as const
  const submission = { ...bare, dedupe: true }
  expect((await admission.submit(submission)).kind).toBe('accepted')
  const replies = await admission.submitAll([submission, submission])
  if ('kind' in replies) throw new Error(replies.code)
  expect(replies.map(({ kind }) => kind)).toEqual(['duplicate', 'duplicate'])
  expect([pool.taken, pool.waiting]).toEqual([1, 1])
})

test('a cancel that comes while the end is being written is answered that the task has ended', async () => {
  const journal = memoryJournal()
  const written = Promise.withResolvers<void>()
  const append = journal.tasks.append.bind(journal.tasks)
  journal.tasks.append = async (entry) => {
    if (entry.task.status === 'completed') await written.promise
    return append(entry)
  }
  const { submitId, admission, ends } = setup({ journal })
  const id = await submitId('slow')
  await settled()
  ends[0]?.()
  await settled()
  const cancelled = admission.cancel(id)
  await settled()
  written.resolve()
  expect(await cancelled).toMatchObject({ kind: 'already-finished', task: { status: 'completed' } })
})
