import { expect, test } from 'vitest'
import { TaskIds } from '../../src/admission/task-ids.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

test('ids are UUIDv7, unique and rising, also when the clock stands still or goes back', () => {
  let now = 1_800_000_000_000
  const made = new TaskIds(() => now)
  const next = () => made.next()
  const ids = Array.from({ length: 10_000 }, (_, index) => {
    if (index === 5000) now -= 3_600_000
    return next()
  })
  expect(ids.every((id) => UUID_V7.test(id))).toBe(true)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.toSorted()).toEqual(ids)
})
