import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { createCore, memoryJournal, recoverFrom, type CoreGiven } from '../support/core.ts'
import { settled } from '../support/settle.ts'
import { heldType } from '../support/types.ts'

/** One process after the other over the same journal; what each leaves is what a kill leaves. */
async function startOver(journal: Journal, slots = 3, given: CoreGiven = {}) {
  const { definition, held } = heldType()
  const stepped = defineTask({
    type: 'stepped',
    input: z.looseObject({}),
    run: async (_input, ctx) => {
      await ctx.step(`step of run ${ctx.taskId} ${await journal.recovery.stepCount(ctx.taskId)}`, () => 1)
      return new Promise(() => {})
    },
  })
  const calling = defineTask({
    type: 'calling',
    input: z.looseObject({}),
    run: (_input, ctx) =>
      ctx.resource('llm', {}, () => {
        throw Object.assign(new Error('slow down'), { status: 429, headers: { 'retry-after': '600' } })
      }),
  })
  const core = createCore({ types: [definition, stepped, calling], journal, slots, ...given })
  core.pool.pause()
  const totals = await recoverFrom(journal, core)
  core.pool.resume()
  await settled()
  return { ...core, held, totals }
}

const runningIn = async (journal: Journal) =>
  (await journal.tasks.list({ statuses: ['running'], limit: 100 })).tasks.map(({ id }) => id).sort()

test('waiting tasks are taken over in their order, behind those that ran', async () => {
  const journal = memoryJournal()
  const first = await startOver(journal, 1)
  const ids: string[] = []
  for (const priority of [1, 1, 3, 0, 1] as const) ids.push(await first.submitId('held', {}, priority))
  await settled()
  expect(await runningIn(journal)).toEqual([ids[0]])

  const second = await startOver(journal, 0)
  const [a, b, c, d, e] = ids
  expect([...second.pool.waitingInOrder()].map(({ id }) => id)).toEqual([a, c, b, e, d])
  const task = await journal.tasks.task(ids[0]!)
  expect(task).toMatchObject({ status: 'queued', attempt: 0, interruptions: 1, strikes: 1 })
  const next = await second.submitId('held')
  expect([...second.pool.waitingInOrder()].map(({ id }) => id)).toEqual([a, c, b, e, next, d])
  expect(next > ids.at(-1)!).toBe(true)
})

test('totals and samples are those of all processes', async () => {
  const journal = memoryJournal()
  const first = await startOver(journal)
  for (let index = 0; index < 6; index += 1) await first.submitId('held')
  await settled()
  first.clock.advance(2000)
  for (let index = 0; index < 6; index += 1) {
    first.held[index]?.end()
    await settled()
  }
  first.lifecycle.counters.reject()
  await first.totals.save()

  const second = await startOver(journal)
  expect(second.lifecycle.counters.of('completed')).toBe(6)
  expect(second.lifecycle.counters.rejected).toBe(1)
  expect(second.lifecycle.transitions.runSamples.size).toBe(6)
  expect(second.lifecycle.transitions.runSamples.quantiles()).toEqual(
    first.lifecycle.transitions.runSamples.quantiles(),
  )
})

test('a cancel that was asked for is kept', async () => {
  const journal = memoryJournal()
  const first = await startOver(journal)
  const id = await first.submitId('held')
  await settled()
  await first.lifecycle.recorder.record(id, { status: 'cancelling' }, { type: 'cancelling' })
  const second = await startOver(journal)
  expect((await journal.tasks.task(id))?.status).toBe('cancelled')
  expect(second.pool.waiting + second.pool.running).toBe(0)
})

test('after two interruptions suspects run one at a time, after a third the cause is quarantined', async () => {
  const journal = memoryJournal()
  const first = await startOver(journal)
  const ids: string[] = []
  for (let index = 0; index < 3; index += 1) ids.push(await first.submitId('held'))
  await settled()
  expect(await runningIn(journal)).toEqual(ids)
  await startOver(journal)
  expect(await runningIn(journal)).toEqual(ids)
  const third = await startOver(journal)
  // One of them is the cause: it shows in whose run the process ends.
  const innocent = await third.submitId('held')
  await settled()
  expect(await runningIn(journal)).toEqual([ids[0], innocent])
  const fourth = await startOver(journal)
  const quarantined = await journal.tasks.task(ids[0]!)
  expect(quarantined).toMatchObject({
    status: 'error',
    interruptions: 3,
    failure: { errorType: 'crash_loop' },
  })
  expect(await runningIn(journal)).toEqual([ids[1], innocent])
  fourth.held.find(({ id }) => id === ids[1])?.end()
  await settled()
  expect(await runningIn(journal)).toEqual([ids[2], innocent])
})

test('a task that saves a step between its interruptions is never a suspect', async () => {
  const journal = memoryJournal()
  const first = await startOver(journal)
  const id = await first.submitId('stepped')
  await settled()
  for (let process = 1; process <= 5; process += 1) {
    await startOver(journal)
    expect(await journal.tasks.task(id)).toMatchObject({
      status: 'running',
      interruptions: process,
      strikes: 1,
    })
  }
})

test('tasks of a type that is not registered wait for a start that has it', async () => {
  const journal = memoryJournal()
  const first = createCore({ journal, types: [heldType('rare').definition], slots: 0 })
  const id = await first.submitId('rare')
  const second = await startOver(journal)
  expect((await journal.tasks.task(id))?.status).toBe('queued')
  expect(second.pool.waiting).toBe(1)
})

test('a task that waits for a resource that is not declared any more runs again, and fails for that', async () => {
  const journal = memoryJournal()
  const first = await startOver(journal, 3, { limits: { llm: {} } })
  const id = await first.submitId('calling')
  await settled()
  expect(await journal.tasks.task(id)).toMatchObject({ status: 'waiting', waitResource: 'llm' })
  await first.totals.save()
  const same = await startOver(journal, 3, { limits: { llm: {} } })
  expect([(await journal.tasks.task(id))?.status, same.pool.asleep]).toEqual(['waiting', 1])
  const other = await startOver(journal)
  expect(await journal.tasks.task(id)).toMatchObject({ status: 'error', run: 2 })
  expect(other.pool.asleep).toBe(0)
})
