import { expect, test } from 'vitest'
import { z } from 'zod'
import { IdempotencyKeys } from '../../src/admission/idempotency-keys.ts'
import { toContent } from '../../src/admission/new-task.ts'
import { SingleFlight } from '../../src/admission/single-flight.ts'
import type { SubmitReply } from '../../src/admission/submission.ts'
import { defineTask } from '../../src/handler/define-task.ts'
import { PLAIN } from '../../src/http/routes/submit/read-submission.ts'
import type { Task } from '../../src/task/task.ts'
import { actsOn } from '../journal/acts.ts'
import { memoryJournal } from '../support/core.ts'
import { sampleTask } from '../support/tasks.ts'

const HOUR_MS = 3_600_000
const SUBMISSION = { ...PLAIN, type: 'sample', input: {}, priority: 1, caller: 'ann', key: null } as const
const PENDING = {
  type: defineTask({ type: 'sample', input: z.unknown(), dedupe: true, run: () => null }),
  place: undefined,
}
const place = { queuePosition: 1, tasksAhead: 0, wait: null }
const CONTENT = toContent({ ...PENDING, submission: SUBMISSION })

/** IdempotencyKeys over a journal, and an admission that makes a task of each request that reaches it. */
function setup() {
  let now = 1000
  const journal = memoryJournal()
  const { admit } = actsOn(journal)
  const keys = new IdempotencyKeys({
    duplicates: journal.duplicates,
    journal: journal.tasks,
    now: () => now,
    next: async ({ submission: { caller } }, key) => {
      const task = sampleTask({ caller })
      await admit(task, key && { ...key, taskId: task.id })
      return { kind: 'accepted', task, place }
    },
  })
  const once = (caller: string, input = {}) =>
    keys.submit({ ...PENDING, submission: { ...SUBMISSION, caller, input, key: 'k-1' } })
  const pass = (ms: number) => (now += ms)
  return { journal, keys, once, pass, flight: flightOn(journal) }
}

/** Equal work on a journal of its own, with what is live and who joined. */
function flightOn(journal: ReturnType<typeof memoryJournal>) {
  const live = new Map<string, Task>()
  const joined: string[] = []
  const admits = new Map<string, () => Promise<SubmitReply>>()
  const flight = new SingleFlight({
    duplicates: journal.duplicates,
    journal: journal.tasks,
    live: (id) => live.get(id),
    join: (task) => {
      joined.push(task.id)
      return Promise.resolve({ task, waiter: 2 })
    },
    have: () => Promise.resolve(),
    next: ({ submission: { caller } }) => admits.get(caller)!(),
  })
  const add = (task: Task) => {
    live.set(task.id, task)
    flight.add(task)
  }
  const submit = (caller: string, admit: () => Promise<SubmitReply>) => {
    admits.set(caller, admit)
    return flight.submit({ ...PENDING, submission: { ...SUBMISSION, caller } }, null)
  }
  const end = (task: Task) => {
    live.delete(task.id)
    flight.remove(task)
  }
  return { live, joined, add, end, submit }
}

const idOf = (reply: SubmitReply) => ('task' in reply ? reply.task.id : reply.kind)

test('the same key of two callers at once names two tasks, and neither sees the task of the other', async () => {
  const { once } = setup()
  const replies = await Promise.all([once('ann'), once('ben'), once('ann')])
  expect(replies.map(({ kind }) => kind)).toEqual(['accepted', 'accepted', 'duplicate'])
  expect(replies.map((reply) => 'task' in reply && reply.task.caller)).toEqual(['ann', 'ben', 'ann'])
  expect((await Promise.all([once('ann'), once('ben')])).map(idOf)).toEqual(replies.slice(0, 2).map(idOf))
})

test('an upload of one caller does not hold up the same key of another', () => {
  const { keys } = setup()
  expect(keys.receive('ann', 'k-1')).toBeTypeOf('function')
  expect(keys.receive('ann', 'k-1')).toBeUndefined()
  expect(keys.receive('ben', 'k-1')).toBeTypeOf('function')
})

test('a key is known for 24 hours, and then makes a new task', async () => {
  const { once, pass } = setup()
  const first = idOf(await once('ann'))
  pass(24 * HOUR_MS - 1)
  expect(idOf(await once('ann'))).toBe(first)
  pass(1)
  expect(idOf(await once('ann'))).not.toBe(first)
})

test('equal work of two callers at once is two tasks', async () => {
  const { add, submit } = setup().flight
  const admitFor = (caller: string) => () => {
    const task = sampleTask({ caller, content: CONTENT })
    add(task)
    return Promise.resolve({ kind: 'accepted', task, place } as const)
  }
  const replies = await Promise.all(['ann', 'ben'].map((caller) => submit(caller, admitFor(caller))))
  expect(replies.map((reply) => [reply.kind, 'task' in reply && reply.task.caller])).toEqual([
    ['accepted', 'ann'],
    ['accepted', 'ben'],
  ])
})

test('a task that is being cancelled is joined by no submit', async () => {
  const { add, joined, live, submit } = setup().flight
  const task = sampleTask({ caller: 'ann', content: CONTENT })
  add(task)
  const fresh = sampleTask({ caller: 'ann', content: CONTENT })
  const admit = () => Promise.resolve({ kind: 'accepted', task: fresh, place } as const)
  expect(idOf(await submit('ann', admit))).toBe(task.id)
  live.set(task.id, { ...task, status: 'cancelling' })
  expect(idOf(await submit('ann', admit))).toBe(fresh.id)
  expect(joined).toEqual([task.id])
})

test('another request under a key that is on its way is a mistake, and learns nothing of the first', async () => {
  const { once } = setup()
  const first = once('ann')
  const other = await once('ann', { other: true })
  expect(other).toEqual({ kind: 'idempotency-mismatch' })
  expect((await first).kind).toBe('accepted')
})

test('the end of a task does not hide a younger one of the same work', async () => {
  const { add, end, joined, submit } = setup().flight
  const [first, second] = [1, 2].map(() => sampleTask({ caller: 'ann', content: CONTENT }))
  for (const task of [first!, second!]) add(task)
  end(first!)
  const admit = () => Promise.reject(new Error('it is known'))
  expect(idOf(await submit('ann', admit))).toBe(second!.id)
  expect(joined).toEqual([second!.id])
})
