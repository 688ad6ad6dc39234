import { toTicket } from '../../src/task/ticket.ts'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask, TaskError } from '../../src/index.ts'
import { createCore } from '../support/core.ts'
import { settled } from '../support/settle.ts'
import { startServer } from '../support/server.ts'

const SECONDS_OF_PROVIDER = 600

const limited = defineTask({
  type: 'limited',
  input: z.object({}),
  run: () => {
    throw Object.assign(new Error('slow down'), {
      status: 429,
      headers: { 'retry-after': `${SECONDS_OF_PROVIDER}` },
    })
  },
})

test.each([
  ['ten times the queue', null, 50],
  ['MAX_PARKED_TASKS', 7, 7],
])(
  'while a provider is down no more is accepted than %s and the queue hold',
  async (_name, maxParked, bound) => {
    const core = createCore({ types: [limited], slots: 3, capacity: 5, maxParked })
    let accepted = 0
    let refusal: unknown
    for (let count = 0; count < 500; count += 1) {
      const reply = await core.submit('limited')
      if (reply.kind === 'accepted') accepted += 1
      else refusal ??= reply
      await settled()
    }
    expect(accepted).toBeGreaterThanOrEqual(bound)
    expect(accepted).toBeLessThanOrEqual(5 + bound + 3)
    expect(core.lifecycle.counters.of('waiting')).toBe(accepted)
    // The time to come back is that of the provider, not that of a queue which is empty.
    expect(refusal).toMatchObject({
      kind: 'refused',
      code: 'queue-full',
      retryAfterSeconds: SECONDS_OF_PROVIDER,
    })

    core.clock.advance(SECONDS_OF_PROVIDER * 1000 + 1)
    await settled()
  },
)

test.each([
  ['NaN', 'NaN'],
  ['1e15 seconds', '1000000000000000'],
  ['a date of 2199', 'Fri, 01 Jan 2199 00:00:00 GMT'],
  ['99999999s of Google', null],
])('a delay of %s is finite and capped, and the task is shown', async (_name, header) => {
  const { post, get, ended } = await startServer({
    tasks: [
      defineTask({
        type: 'odd',
        input: z.object({}),
        run: () => {
          const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '99999999s' }]
          const body = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', details } }
          throw Object.assign(
            new Error('429'),
            header === null
              ? { status: 429, data: body }
              : { status: 429, headers: { 'retry-after': header } },
          )
        },
      }),
      defineTask({
        type: 'own',
        input: z.object({}),
        retry: { maxAttempts: 1 },
        run: () => {
          throw new TaskError('execution_error', 'odd', {
            retryAfterSeconds: header === null ? Infinity : Number(header),
          })
        },
      }),
    ],
  })
  const { body } = await post('/odd')
  await expect.poll(async () => (await get(`/api/tasks/${body['task_id']}`)).body['status']).toBe('waiting')
  const { body: task } = await get(`/api/tasks/${body['task_id']}`)
  expect(Date.parse(task['wait_until'] as string) - Date.now()).toBeLessThanOrEqual(600_000)
  const { body: own } = await post('/own')
  const { error } = await ended(own['task_id'])
  expect(error.retry_after === null || error.retry_after <= 86_400).toBe(true)
  expect((await get('/api/tasks')).status).toBe(200)
})

test('a journal that holds an odd time from before is shown, and its task runs within a day', async () => {
  const core = createCore({ types: [limited], slots: 1 })
  const id = await core.submitId('limited')
  await settled()
  const parked = core.lifecycle.live(id)!
  const due: string[] = []
  const next = createCore({ types: [limited], slots: 0, due: (each) => due.push(each) })
  for (const waitUntil of [1e18, null])
    next.pool.restore(toTicket({ ...parked, id: `odd-${waitUntil}`, waitUntil }))
  next.clock.advance(1)
  expect(due).toEqual(['odd-null'])
  next.clock.advance(24 * 3_600_000)
  expect(due).toEqual(['odd-null', 'odd-1000000000000000000'])
})
