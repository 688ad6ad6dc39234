import { expect, test } from 'vitest'
import { iso, taskView } from '../../src/http/schemas/views.ts'
import { sampleTask } from '../support/tasks.ts'

test('an instant that no date can hold is shown as the furthest one, and none throws', () => {
  expect(iso(1e18)).toBe('+275760-09-13T00:00:00.000Z')
  expect(iso(NaN)).toBe('1970-01-01T00:00:00.000Z')
  const task = { ...sampleTask(), waitUntil: 1e18, startedAt: -1e18, finishedAt: Infinity }
  expect(() => JSON.stringify(taskView(task, null, { prefix: '', showsCaller: false }))).not.toThrow()
})
