import { pino } from 'pino'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { OperatorControls } from '../../src/control/operator-controls.ts'
import { defineTask } from '../../src/handler/define-task.ts'
import type { Journal } from '../../src/journal/journal.ts'
import type { Priority } from '../../src/task/priority.ts'
import { TASK_STATUSES } from '../../src/task/status.ts'
import { createCore, memoryJournal, recoverFrom } from '../support/core.ts'
import { drive } from '../support/drive.ts'
import { seededRandom } from '../support/random.ts'
import { settled } from '../support/settle.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const LIMITS = { llm: { concurrency: 4 } }

async function setup(journal: Journal = memoryJournal(), slots = 4) {
  const clock = new VirtualClock()
  const inFlight = { now: 0 }
  const run = defineTask({
    type: 'run',
    input: z.object({ ms: z.number(), needsModel: z.boolean() }),
    run: async ({ ms, needsModel }, ctx) => {
      if (!needsModel) return clock.sleep(ms)
      await ctx.resource('llm', {}, async () => {
        inFlight.now += 1
        await clock.sleep(ms)
        inFlight.now -= 1
      })
    },
  })
  const core = createCore({ clock, types: [run], slots, capacity: 50, limits: LIMITS, journal })
  const { pool, admission, resources } = core
  const controls = new OperatorControls({
    pool,
    admission,
    resources,
    notes: journal.notes,
    clock,
    log: pino({ level: 'silent' }),
  })
  await controls.load()
  return { ...core, controls, inFlight }
}

test('every operator control used under load loses no task and holds its new bound at once', async () => {
  const { clock, controls, pool, lifecycle, submit, inFlight } = await setup()
  const random = seededRandom(9)
  const pick = (count: number) => Math.floor(random() * count)
  const bounds = { slots: 4, llm: 4 }
  const was = { running: 0, llm: 0 }
  const knobs: (() => Promise<unknown>)[] = [
    () => controls.configure({ maxWorkers: (bounds.slots = pick(8)) }, 'op'),
    () => controls.configure({ maxQueueSize: pick(60) }, 'op'),
    () => controls.configure({ resources: { llm: `concurrency=${(bounds.llm = 1 + pick(6))}` } }, 'op'),
    () => controls.pause(pick(2) === 0 ? 'intake' : 'processing', 'op'),
    () => controls.resume('intake', 'op'),
    () => controls.resume('processing', 'op'),
    () => controls.drain('op'),
  ]
  let accepted = 0
  for (let round = 0; round < 3000; round += 1) {
    const isPaused = controls.paused.includes('processing')
    if (pick(4) === 0) await knobs[pick(knobs.length)]?.()
    else if (pick(2) === 0) clock.advance(pick(3000))
    else {
      const wasTaken = pool.taken
      const reply = await submit(
        'run',
        { ms: 1 + pick(5000), needsModel: pick(2) === 0 },
        pick(4) as Priority,
      )
      if (reply.kind === 'accepted') accepted += 1
      // Whatever waits already stays; none is added over the bound.
      if (reply.kind === 'accepted') expect(wasTaken).toBeLessThan(pool.capacity)
    }
    await settled(30)
    // Over a bound that has shrunk nothing starts; what runs continues.
    expect(pool.running).toBeLessThanOrEqual(Math.max(bounds.slots, was.running))
    expect(inFlight.now).toBeLessThanOrEqual(Math.max(bounds.llm, was.llm))
    if (isPaused && controls.paused.includes('processing'))
      expect(pool.running).toBeLessThanOrEqual(was.running)
    was.running = pool.running
    was.llm = inFlight.now
    const sum = TASK_STATUSES.reduce((total, status) => total + lifecycle.counters.of(status), 0)
    expect(sum).toBe(accepted)
  }
  await controls.resume('intake', 'op')
  await controls.resume('processing', 'op')
  await controls.configure({ maxWorkers: 4, resources: { llm: 'concurrency=4' } }, 'op')
  await drive(clock, () => false)
  expect(accepted).toBeGreaterThan(300)
  expect(lifecycle.counters.of('completed')).toBe(accepted)
})

test('what an operator has set holds after a restart, until the setting itself is changed', async () => {
  const journal = memoryJournal()
  const first = await setup(journal)
  await first.controls.configure(
    { maxWorkers: 2, maxQueueSize: 9, resources: { llm: 'concurrency=1' } },
    'op',
  )
  await first.controls.pause('processing', 'op')
  await first.controls.drain('op')

  const second = await setup(journal)
  expect([second.pool.slots, second.pool.capacity, second.controls.paused]).toEqual([2, 9, ['processing']])
  expect(second.resources.view()).toMatchObject([{ limit: 1, limits: 'concurrency=1' }])
  expect(second.admission.intake.isDraining).toBe(true)
  await second.controls.resume('intake', 'op')
  expect(second.admission.intake.isDraining).toBe(false)

  const third = await setup(journal, 6)
  expect([third.pool.slots, third.pool.capacity]).toEqual([6, 9])
})

test('controls of an older journal are restored', async () => {
  const journal = memoryJournal()
  await journal.notes.saveNote('controls', JSON.stringify({ door: 'draining', isProcessing: false }))
  const { admission, controls } = await setup(journal)
  expect([admission.intake.isDraining, controls.paused]).toEqual([true, ['processing']])
})

test('a paused intake refuses, a drained one too, and what was admitted continues', async () => {
  const { controls, submit, lifecycle, clock } = await setup()
  await submit('run', { ms: 100, needsModel: false })
  await controls.pause('intake', 'op')
  expect(await submit('run', { ms: 1, needsModel: false })).toMatchObject({ code: 'intake-paused' })
  await controls.drain('op')
  expect(await submit('run', { ms: 1, needsModel: false })).toMatchObject({ code: 'draining' })
  await drive(clock, () => false)
  expect(lifecycle.counters.of('completed')).toBe(1)
})

const RUNS = { type: 'run', caller: null }

test('one type or one caller can be paused: its tasks wait or are refused, others do not', async () => {
  const { controls, submit, lifecycle, clock, pool } = await setup()
  const bens = { caller: 'ben' }
  await controls.pause('processing', 'op', { type: null, caller: 'ben' })
  await submit('run', { ms: 10, needsModel: false }, 3, bens)
  await submit('run', { ms: 10, needsModel: true }, 1)
  await drive(clock, () => false)
  expect([lifecycle.counters.of('completed'), pool.waiting, pool.running]).toEqual([1, 1, 0])

  await controls.pause('intake', 'op', { type: 'run', caller: 'ben' })
  expect(await submit('run', { ms: 1, needsModel: false }, 1, bens)).toMatchObject({ code: 'intake-paused' })
  expect(await submit('run', { ms: 1, needsModel: false })).toMatchObject({ kind: 'accepted' })
  expect(controls.pausedGroups).toMatchObject([
    { scope: 'processing', type: null, caller: 'ben', by: 'op' },
    { scope: 'intake', type: 'run', caller: 'ben', by: 'op' },
  ])
  // All others had been paused, and continue: the groups stay paused.
  await controls.pause('processing', 'op')
  await controls.resume('processing', 'op')
  await drive(clock, () => false)
  expect([lifecycle.counters.of('completed'), pool.waiting]).toEqual([2, 1])

  await controls.resume('processing', 'op', { type: null, caller: 'ben' })
  await drive(clock, () => false)
  expect([lifecycle.counters.of('completed'), pool.waiting]).toEqual([3, 0])
})

test('a paused type stays paused over a restart, with what waits and what had run before', async () => {
  const journal = memoryJournal()
  const first = await setup(journal)
  await first.controls.pause('processing', 'op', RUNS)
  await first.submit('run', { ms: 10, needsModel: false })

  const second = await setup(journal)
  await recoverFrom(journal, second)
  second.pool.resume('lifecycle')
  await drive(second.clock, () => false)
  expect([second.pool.waiting, second.pool.running]).toEqual([1, 0])
  await second.controls.resume('processing', 'op', RUNS)
  await drive(second.clock, () => false)
  expect(second.pool.waiting).toBe(0)
})

test('the changed controls are listed with their settings, and one that is set back is not', async () => {
  const { controls, clock } = await setup()
  const at = clock.now()
  await controls.configure({ maxWorkers: 2, resources: { llm: ' concurrency=1 ' } }, 'ann')
  await controls.drain('ben')
  await controls.pause('processing', 'cy')
  expect(controls.changed).toEqual([
    { name: 'max_workers', value: '2', setting: '4', by: 'ann', at },
    { name: 'resources.llm', value: 'concurrency=1', setting: 'concurrency=4', by: 'ann', at },
    { name: 'intake', value: 'draining', setting: 'open', by: 'ben', at },
    { name: 'processing', value: 'paused', setting: 'running', by: 'cy', at },
  ])
  await controls.configure({ maxWorkers: 4, resources: { llm: 'concurrency=4' } }, 'ann')
  await controls.resume('intake', 'ann')
  await controls.resume('processing', 'ann')
  expect(controls.changed).toEqual([])
})

test('a control that cannot be saved has no effect', async () => {
  const journal = memoryJournal()
  const { controls, pool } = await setup({
    ...journal,
    notes: { ...journal.notes, saveNote: () => Promise.reject(new Error('disk')) },
  })
  await expect(controls.configure({ maxWorkers: 1 }, 'op')).rejects.toThrow('disk')
  expect(pool.slots).toBe(4)
  expect(() => controls.configure({ resources: { nope: 'concurrency=1' } }, 'op')).toThrow('no such resource')
  expect(() => controls.configure({ resources: { llm: 'fast' } }, 'op')).toThrow('resources.llm: expected')
})
