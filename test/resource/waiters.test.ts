import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { AdaptiveLimit } from '../../src/resource/adaptive-limit.ts'
import { WaitList } from '../../src/resource/wait-list.ts'
import { createCore } from '../support/core.ts'
import { settled } from '../support/settle.ts'

test('of those that sleep the highest level goes first, and inside a level who sleeps longest', () => {
  const waiters = new WaitList()
  const expected = ['urgent 1', 'urgent 2', 'high', 'normal', 'low']
  waiters.sleep('low', 0)
  waiters.sleep('normal', 1)
  waiters.sleep('urgent 1', 3)
  waiters.sleep('high', 2)
  waiters.sleep('urgent 2', 3)
  for (const name of expected) {
    const first = waiters.first()
    expect(first?.taskId).toBe(name)
    waiters.remove(name)
  }
  expect(waiters.first()).toBeUndefined()
})

test('a task that was woken and ends without drawing keeps no room from the next one', async () => {
  const ends: (() => void)[] = []
  const runs = new Map<string, number>()
  const use = defineTask({
    type: 'use',
    input: z.object({ givesUp: z.boolean() }),
    run: async ({ givesUp }, ctx) => {
      const run = (runs.get(ctx.taskId) ?? 0) + 1
      runs.set(ctx.taskId, run)
      if (givesUp && run > 1) return 'gave up'
      return ctx.resource('llm', {}, () => new Promise<string>((resolve) => ends.push(() => resolve('used'))))
    },
  })
  const core = createCore({ types: [use], limits: { llm: { concurrency: 1 } }, slots: 3 })
  for (const givesUp of [false, true, false]) await core.submitId('use', { givesUp })
  await settled()
  core.clock.advance(2000)
  await settled()
  expect([ends.length, core.lifecycle.counters.of('completed')]).toEqual([1, 0])
  ends[0]?.()
  await settled()
  // In this very turn, not when the room that was kept for it is given up.
  expect([ends.length, core.lifecycle.counters.of('completed')]).toEqual([2, 2])
})

test('an overload halves what was in flight', () => {
  const limit = new AdaptiveLimit(1, 64, 32)
  const mark = limit.begin(32)
  limit.overloaded(mark)
  expect(limit.value).toBe(16)
  const other = limit.begin(10)
  limit.overloaded(other)
  expect(limit.value).toBe(5)
})

test('a task that was woken and found no room keeps its turn', () => {
  const waiters = new WaitList()
  for (const name of ['first', 'second']) waiters.sleep(name, 1)
  const first = waiters.first()!
  waiters.wake(first, 0)
  waiters.leave('first', first.ask)
  waiters.sleep('first', 1)
  expect(waiters.first()?.taskId).toBe('first')
})
