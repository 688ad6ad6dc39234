import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { createCore } from '../support/core.ts'
import { settled } from '../support/settle.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

/** A type that needs the model, one that needs it without declaring it, and one that does not need it. */
function setup() {
  const clock = new VirtualClock()
  const started: { readonly type: string; readonly at: number }[] = []
  const run = async (type: string, work: () => Promise<unknown>) => {
    started.push({ type, at: clock.monotonic() })
    await work()
  }
  const tooMany = () => {
    throw Object.assign(new Error('slow down'), { status: 429, headers: { 'retry-after': '600' } })
  }
  const input = z.object({})
  const types = [
    defineTask({
      type: 'report',
      input,
      resources: { llm: {} },
      run: (_input, ctx) => run('report', () => ctx.resource('llm', {}, tooMany)),
    }),
    defineTask({
      type: 'secretly',
      input,
      run: (_input, ctx) => run('secretly', () => ctx.resource('llm', {}, tooMany)),
    }),
    defineTask({ type: 'extract', input, run: () => run('extract', () => Promise.resolve()) }),
  ]
  const core = createCore({ clock, types, slots: 2, capacity: 1000, limits: { llm: { concurrency: 3 } } })
  return { ...core, started }
}

test('while the model has no room, tasks that do not need it start in the turn in which they come', async () => {
  const { submitId, pool, lifecycle, clock, started, resources } = setup()
  for (let count = 0; count < 200; count += 1) await submitId('report', {}, 3)
  await settled(200)
  expect(pool.running).toBe(0)
  expect(started.length).toBeLessThanOrEqual(4)
  expect(resources.view()).toMatchObject([{ name: 'llm', inUse: 0 }])
  for (let count = 0; count < 20; count += 1) {
    clock.advance(100)
    const at = clock.monotonic()
    const before = started.length
    await submitId('extract', {}, 0)
    await settled()
    expect(started.slice(before)).toEqual([{ type: 'extract', at }])
  }
  expect(lifecycle.counters.of('completed')).toBe(20)
})

test('a type that did not name what it needs gives its slot back too', async () => {
  const { submitId, pool, lifecycle, journal, clock } = setup()
  const id = await submitId('secretly')
  for (let count = 0; count < 10; count += 1) await submitId('secretly')
  await settled(200)
  expect([pool.running, lifecycle.counters.of('waiting')]).toEqual([0, 11])
  const task = await journal.tasks.task(id)
  expect(task).toMatchObject({
    status: 'waiting',
    waitReason: 'rate_limit',
    waitResource: 'llm',
    attempt: 0,
    run: 1,
  })
  expect((task?.waitUntil ?? 0) - clock.now()).toBe(600_000)
  await submitId('extract')
  await settled()
  expect(lifecycle.counters.of('completed')).toBe(1)
})
