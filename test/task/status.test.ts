import { expect, test } from 'vitest'
import { parsePriority } from '../../src/task/priority.ts'
import { assertMove, isTerminal, STATUS_MOVES, TASK_STATUSES } from '../../src/task/status.ts'

test('there are ten statuses, five of them terminal', () => {
  expect(TASK_STATUSES).toHaveLength(10)
  expect(TASK_STATUSES.filter(isTerminal)).toEqual(['completed', 'error', 'timeout', 'cancelled', 'expired'])
})

test('exactly the moves of the table are legal', () => {
  for (const from of TASK_STATUSES) {
    for (const to of TASK_STATUSES) {
      const isLegal = (STATUS_MOVES[from] as readonly string[]).includes(to)
      if (isLegal) expect(() => assertMove(from, to)).not.toThrow()
      else expect(() => assertMove(from, to)).toThrow(expect.objectContaining({ code: 'illegal-move' }))
    }
  }
})

test.each([
  [0, 0],
  ['3', 3],
  ['HIGH', 2],
  ['NORMAL', 1],
])('priority %j is level %i', (given, level) => expect(parsePriority(given)).toBe(level))

test.each([-1, 4, 1.5, '4', '1.0', '01', ' 1', 'high', '', null, undefined, NaN, true, [1], {}])(
  'priority %j is refused, never changed',
  (given) => expect(parsePriority(given)).toBeUndefined(),
)
