import { expect, test } from 'vitest'
import type { JournalEntry } from '../../src/journal/journal.ts'
import { ShuttingDown } from '../../src/task/outcome.ts'
import { HeadgateError } from '../../src/task/errors.ts'
import { createCore, memoryJournal, type CoreGiven } from '../support/core.ts'
import { settled } from '../support/settle.ts'
import { heldType } from '../support/types.ts'

/** A task that finds a free slot is written once, with the start of its run; a journal whose admissions can be held. */

function holdAdmissions() {
  const journal = memoryJournal()
  const admissions: { readonly start: JournalEntry | undefined; readonly settle: (error?: Error) => void }[] =
    []
  const appended: JournalEntry[] = []
  let isHeld = false
  const admit = journal.tasks.admit.bind(journal.tasks)
  const append = journal.tasks.append.bind(journal.tasks)
  journal.tasks.admit = async (entry, key, start) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    admissions.push({ start, settle: (error) => (error === undefined ? resolve() : reject(error)) })
    if (isHeld) await promise
    await admit(entry, key, start)
  }
  journal.tasks.append = (entry) => {
    appended.push(entry)
    return append(entry)
  }
  return { journal, admissions, appended, hold: () => (isHeld = true) }
}

function setup(given: CoreGiven = {}) {
  const { definition, held } = heldType()
  const journal = holdAdmissions()
  const core = createCore({ types: [definition], slots: 1, ...given, journal: journal.journal })
  const typesOf = async (id: string) => (await core.eventsOf(id)).map(({ type }) => type)
  return { ...core, ...journal, held, typesOf }
}

test('a task that finds a free slot is one write, with both of its events', async () => {
  const { submit, admissions, appended, typesOf, held, lifecycle, pool } = setup()
  const reply = await submit('held')
  await settled()
  if (reply.kind !== 'accepted') throw new Error(reply.kind)
  // The reply is that of every submit.
  expect(reply.task).toMatchObject({ status: 'queued', lastSeq: 1 })
  expect(reply.place).toMatchObject({ queuePosition: 1, tasksAhead: 0 })
  expect(admissions.map(({ start }) => start?.task)).toMatchObject([
    { status: 'running', run: 1, attempt: 1, lastSeq: 2, waitMs: 0 },
  ])
  expect(appended).toHaveLength(0)
  expect(await typesOf(reply.task.id)).toEqual(['queued', 'started'])
  expect([held.length, pool.running, pool.taken]).toEqual([1, 1, 0])
  expect([lifecycle.counters.of('running'), lifecycle.counters.of('queued')]).toEqual([1, 0])
})

test('the handler begins when the admission is committed, and not before', async () => {
  const { submitId, admissions, hold, held, pool } = setup()
  hold()
  const id = submitId('held')
  await settled()
  expect([held.length, pool.running, pool.taken]).toEqual([0, 1, 0])
  admissions[0]?.settle()
  await id
  await settled()
  expect(held).toHaveLength(1)
})

test('a refused admission gives the slot back, and nothing has begun', async () => {
  const { submit, submitId, admissions, hold, held, pool, lifecycle, journal } = setup()
  hold()
  const refused = submit('held')
  await settled()
  const other = submitId('held')
  await settled()
  admissions[0]?.settle(new HeadgateError('disk-full', 'The disk is full.'))
  expect(await refused).toMatchObject({ kind: 'refused', code: 'disk-full' })
  await settled()
  expect([held.length, lifecycle.counters.rejected]).toEqual([0, 1])
  admissions[1]?.settle()
  await other
  await settled()
  expect([held.length, pool.running, pool.waiting]).toEqual([1, 1, 0])
  expect((await journal.tasks.list({ limit: 10 })).tasks).toHaveLength(1)
})

test('a cancel before the commit waits for it: its handler does not begin', async () => {
  const { submitId, admission, admissions, hold, held, typesOf, pool, lifecycle } = setup()
  hold()
  const submitted = submitId('held')
  await settled()
  const id = admissions[0]?.start?.task.id ?? ''
  const cancelled = admission.cancel(id)
  await settled()
  admissions[0]?.settle()
  await submitted
  expect(await cancelled).toMatchObject({ kind: 'cancelling' })
  await lifecycle.recorder.whenWritten()
  expect(await typesOf(id)).toEqual(['queued', 'started', 'cancelling', 'error'])
  expect((await admission.cancel(id)).kind).toBe('already-finished')
  expect([held.length, pool.running]).toEqual([0, 0])
})

test('a cancel of a task whose admission is refused ends nothing', async () => {
  const fatal: unknown[] = []
  const { submit, admission, admissions, appended, hold, pool } = setup({
    onFatal: (error) => fatal.push(error),
  })
  hold()
  const refused = submit('held')
  await settled()
  const id = admissions[0]?.start?.task.id ?? ''
  void admission.cancel(id)
  await settled()
  admissions[0]?.settle(new HeadgateError('disk-full', 'The disk is full.'))
  expect((await refused).kind).toBe('refused')
  await settled()
  expect([fatal, appended, pool.running]).toEqual([[], [], 0])
  expect((await admission.cancel(id)).kind).toBe('unknown')
})

test('a stop before the commit leaves the task in the queue, without an attempt', async () => {
  const { submitId, admissions, hold, held, pool, lifecycle, typesOf, journal } = setup()
  hold()
  const submitted = submitId('held')
  await settled()
  pool.pause('lifecycle')
  pool.abortAll(new ShuttingDown(), 1000)
  admissions[0]?.settle()
  const id = await submitted
  await pool.whenQuiet()
  await lifecycle.recorder.whenWritten()
  expect(await typesOf(id)).toEqual(['queued', 'started', 'queued'])
  expect(await journal.tasks.find(id)).toMatchObject({ status: 'queued', attempt: 0 })
  expect(held).toHaveLength(0)
})

test('where somebody would start before it, or it may not start, a task waits', async () => {
  const starts = async (given: CoreGiven, submits: number) => {
    const { submit, admissions, pool } = setup(given)
    if (given.slots === 0) pool.pause()
    await Promise.all(Array.from({ length: submits }, () => submit('held')))
    return admissions.map(({ start }) => start !== undefined)
  }
  // A slot each, and no more of them.
  expect(await starts({ slots: 2 }, 3)).toEqual([true, true, false])
  expect(await starts({ slots: 0 }, 1)).toEqual([false])
  expect(await starts({ slots: 5, concurrencyOf: () => 1 }, 3)).toEqual([true, false, false])
  expect(await starts({ slots: 5, maxRunningPerCaller: 2 }, 3)).toEqual([true, true, false])
  const { submit, admissions, pool } = setup()
  pool.pause()
  await submit('held')
  pool.resume()
  await settled()
  await submit('held', {}, 1, { delayMs: 1000 })
  expect(admissions.map(({ start }) => start)).toEqual([undefined, undefined])
})

test('a task whose admission began before goes before it', async () => {
  const { submitId, admissions, held, hold, pool } = setup({ slots: 2 })
  pool.pause()
  hold()
  const first = submitId('held')
  await settled()
  pool.resume()
  const second = submitId('held')
  await settled()
  // Both slots are free, and the place of the first is still reserved.
  expect(admissions.map(({ start }) => start !== undefined)).toEqual([false, false])
  admissions[0]?.settle()
  admissions[1]?.settle()
  const ids = await Promise.all([first, second])
  await settled()
  expect(held.map(({ id }) => id)).toEqual(ids)
})

test('a turn that was taken at once counts among the turns of its caller', async () => {
  const { submitId, held } = setup({ weightOf: () => 1 })
  const submit = (caller: string) => submitId('held', {}, 1, { caller })
  await submit('a')
  const [a, b] = [await submit('a'), await submit('b')]
  for (let at = 0; at < 2; at += 1) {
    held[at]?.end()
    await settled()
  }
  // The second task of `a` came first, and its caller has had a turn.
  expect(held.slice(1).map(({ id }) => id)).toEqual([b, a])
})
