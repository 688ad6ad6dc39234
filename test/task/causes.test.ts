import { expect, test } from 'vitest'
import { findCause, listCauses } from '../../src/task/causes.ts'
import { TaskError } from '../../src/task/failure.ts'

const inner = new TaskError('invalid_url', 'inner')

test.each([
  ['the error itself', inner],
  ['a cause of a cause', new Error('a', { cause: new Error('b', { cause: inner }) })],
  ['one of several attempts', new AggregateError([new Error('first'), inner])],
])('%s is found', (_name, error) => {
  expect(findCause(error, TaskError)).toBe(inner)
})

test('the outermost one counts', () => {
  const outer = new TaskError('internal', 'outer', { cause: inner })
  expect(findCause(outer, TaskError)).toBe(outer)
})

test('circles, long chains and objects that throw are no trouble', () => {
  const circle = new Error('circle')
  circle.cause = circle
  expect(listCauses(circle)).toEqual([circle])
  let chain: unknown = 'end'
  for (let length = 0; length < 1000; length += 1) chain = new Error('link', { cause: chain })
  expect(listCauses(chain).length).toBeLessThan(100)
  const trap = () => {
    throw new Error('trap')
  }
  const proxy = new Proxy({}, { get: trap, getPrototypeOf: trap })
  expect(findCause(proxy, TaskError)).toBeUndefined()
  expect(findCause(new Error('outer', { cause: proxy }), TaskError)).toBeUndefined()
  for (const value of [undefined, null, 'text', 7]) expect(listCauses(value)).toEqual([])
})
