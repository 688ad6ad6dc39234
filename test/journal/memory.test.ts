import { expect, test } from 'vitest'
import { createMemoryJournal } from '../../src/journal/memory.ts'
import { changeTask } from '../../src/task/task.ts'
import { memoryJournal } from '../support/core.ts'
import { NO_HEADLINE, sampleTask } from '../support/tasks.ts'
import { journalConformance } from './conformance.ts'

journalConformance('memory', () => Promise.resolve(memoryJournal()))

function setup(maxFinished: number, maxFinishedBytes: number) {
  const { tasks } = createMemoryJournal({ maxFinished, maxFinishedBytes })
  const finish = async (id: string, result: string) => {
    const running = changeTask(sampleTask({ id }), { status: 'running' })
    const task = changeTask(running, { status: 'completed', result })
    const event = { type: 'result', ...NO_HEADLINE, seq: 1, taskId: id, status: 'completed', at: 0 } as const
    await tasks.append({ task, event })
  }
  const kept = async (ids: readonly string[]) => {
    const found = await Promise.all(ids.map((id) => tasks.task(id)))
    return ids.filter((_, index) => found[index] !== undefined)
  }
  return { tasks, finish, kept }
}

test('of too many finished tasks the one that finished first is forgotten', async () => {
  const { tasks, finish, kept } = setup(2, 1000)
  const waiting = sampleTask({ id: 'waiting' })
  const event = {
    type: 'queued',
    queuePosition: 1,
    tasksAhead: 0,
    seq: 1,
    taskId: 'waiting',
    status: 'queued',
    at: 0,
  } as const
  await tasks.append({ task: waiting, event })
  for (const id of ['a', 'b', 'c', 'd', 'e']) await finish(id, 'null')
  expect(await kept(['waiting', 'a', 'b', 'c', 'd', 'e'])).toEqual(['waiting', 'd', 'e'])
})

test('inputs count among what is kept', async () => {
  const { tasks } = createMemoryJournal({ maxFinished: 100, maxFinishedBytes: 10 })
  for (const id of ['a', 'b']) {
    const running = changeTask(sampleTask({ id, input: { text: 'x'.repeat(8) } }), { status: 'running' })
    const task = changeTask(running, { status: 'completed', result: 'null' })
    const event = { type: 'result', ...NO_HEADLINE, seq: 1, taskId: id, status: 'completed', at: 0 } as const
    await tasks.append({ task, event })
  }
  expect([await tasks.task('a'), (await tasks.task('b'))?.id]).toEqual([undefined, 'b'])
})

test('results are kept up to a sum of text, the newest however large', async () => {
  const { finish, kept } = setup(100, 10)
  await finish('a', 'x'.repeat(6))
  await finish('b', 'x'.repeat(4))
  expect(await kept(['a', 'b'])).toEqual(['a', 'b'])
  await finish('c', 'x'.repeat(5))
  expect(await kept(['a', 'b', 'c'])).toEqual(['b', 'c'])
  await finish('d', 'x'.repeat(500))
  expect(await kept(['b', 'c', 'd'])).toEqual(['d'])
})
