import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { turn } from '../../src/http/server/fair-turns.ts'

test('one turn of the event loop takes 32 pieces or a little more, of large work and of small', async () => {
  const done: number[] = []
  const work = [20, 20, 20, 20, 1, 1, 1].map((pieces, index) => turn(pieces).then(() => done.push(index)))
  const afterEachTurn: number[] = []
  while (done.length < work.length) {
    await nextTurn()
    afterEachTurn.push(done.length)
  }
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(afterEachTurn.filter((count) => count > 0)).toEqual([2, 4, 7])
})

test('work larger than a turn is done all the same', async () => {
  await turn(1000)
})
