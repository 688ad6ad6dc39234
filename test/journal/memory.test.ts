import { expect, onTestFinished, test, vi } from 'vitest'
import { createMemoryJournal } from '../../src/journal/memory/memory-journal.ts'
import { memoryJournal } from '../support/core.ts'
import { actsOn } from './acts.ts'
import { journalConformance } from './conformance.ts'

journalConformance('memory', () => Promise.resolve(memoryJournal()))

function setup(maxFinished: number, maxFinishedBytes: number) {
  const journal = createMemoryJournal({ maxFinished, maxFinishedBytes })
  const { admit, start, complete } = actsOn(journal)
  const finish = async (id: string, result = 'null', input: unknown = {}) =>
    complete(await start(await admit({ id, input })), 2000, result)
  const kept = async (ids: readonly string[]) => {
    const found = await Promise.all(ids.map((id) => journal.tasks.task(id)))
    return ids.filter((_, index) => found[index] !== undefined)
  }
  return { admit, finish, kept }
}

test('of too many finished tasks the one that finished first is forgotten', async () => {
  const { admit, finish, kept } = setup(2, 1000)
  await admit({ id: 'waiting' })
  for (const id of ['a', 'b', 'c', 'd', 'e']) await finish(id)
  expect(await kept(['waiting', 'a', 'b', 'c', 'd', 'e'])).toEqual(['waiting', 'd', 'e'])
})

test('inputs count among what is kept', async () => {
  const { finish, kept } = setup(100, 10)
  for (const id of ['a', 'b']) await finish(id, '', { text: 'x'.repeat(8) })
  expect(await kept(['a', 'b'])).toEqual(['b'])
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

test('what is admitted in one turn of the event loop is answered together, after it', async () => {
  const { admit } = setup(10, 1000)
  const answered: string[] = []
  for (const id of ['a', 'b', 'c']) void admit({ id }).then(() => answered.push(id))
  // All that is settled already is heard before this.
  await new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
  expect(answered).toEqual([])
  // The turn ends in the check phase of the event loop.
  await new Promise((resolve) => setImmediate(resolve))
  expect(answered).toEqual(['a', 'b', 'c'])
})

test('timers that the tests of an application replace hold up no submit', async () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const { admit } = setup(10, 1000)
  expect((await admit({ id: 'a' })).id).toBe('a')
})
