import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { startServer } from '../support/server.ts'
import { heldType } from '../support/types.ts'

async function setup(settings = {}) {
  const held = heldType()
  const echo = defineTask({
    type: 'echo',
    input: z.object({ text: z.string(), times: z.number().int().max(5).optional() }),
    run: ({ text }) => ({ text }),
  })
  return { ...held, ...(await startServer({ tasks: [held.definition, echo], settings })) }
}

test('a submit is answered 202 with the task, its place and every address of it', async () => {
  const { post, get } = await setup({ slots: 0 })
  await post('/echo?priority=3', { text: 'a' })
  const { status, headers, body } = await post('/echo?priority=HIGH', { text: 'b' })
  expect(status).toBe(202)
  expect(body).toMatchObject({
    status: 'created',
    message: 'Queued with priority HIGH, 1 ahead. Connect to its stream to watch it.',
    task_status: 'queued',
    type: 'echo',
    priority: 2,
    priority_name: 'HIGH',
    queue_position: 2,
    tasks_ahead: 1,
    estimated_wait_seconds: null,
    deduplicated: false,
  })
  expect(headers.get('location')).toBe(body['urls'].self)
  expect(headers.get('retry-after')).toBe('1')
  for (const name of ['self', 'status']) expect((await get(body['urls'][name])).status).toBe(200)
})

test('without a priority a task is NORMAL', async () => {
  const { post } = await setup({ slots: 0 })
  expect((await post('/echo', { text: 'a' })).body).toMatchObject({ priority: 1, priority_name: 'NORMAL' })
})

test.each(['4', '-1', '1.5', 'high', '', '1&priority=2'])(
  'priority=%s is refused, never changed',
  async (priority) => {
    const { post, core } = await setup()
    const { status, body } = await post(`/echo?priority=${priority}`, { text: 'a' })
    expect([status, body['type']]).toEqual([422, 'urn:headgate:problem:invalid-priority'])
    expect(core.lifecycle.counters.accepted).toBe(0)
  },
)

test('POST /api/tasks submits any type that takes JSON', async () => {
  const { post, ended } = await setup()
  const metadata = { order: 7 }
  const { status, body } = await post('/api/tasks', {
    type: 'echo',
    input: { text: 'a' },
    priority: 'LOW',
    metadata,
  })
  expect([status, body['priority']]).toEqual([202, 0])
  expect(await ended(body['task_id'])).toMatchObject({ status: 'completed', result: { text: 'a' }, metadata })
})

test.each([
  ['an unknown type', { type: 'nope', input: {} }, 404, 'unknown-task-type'],
  ['an input that does not fit', { type: 'echo', input: { text: 1 } }, 422, 'validation'],
  [
    'a field that does not exist',
    { type: 'echo', input: { text: 'a' }, delay_minutes: 5 },
    422,
    'validation',
  ],
  ['a bad priority', { type: 'echo', input: { text: 'a' }, priority: 7 }, 422, 'invalid-priority'],
  ['a type that takes a file', { type: 'analyze-pdf', input: {} }, 422, 'validation'],
  [
    'metadata over 4 KB',
    { type: 'echo', input: { text: 'a' }, metadata: { a: 'x'.repeat(5000) } },
    422,
    'validation',
  ],
  ['no object', [1], 422, 'validation'],
])('POST /api/tasks refuses %s', async (_name, request, status, code) => {
  const { post } = await setup()
  const reply = await post('/api/tasks', request)
  expect([reply.status, reply.body['type']]).toEqual([status, `urn:headgate:problem:${code}`])
  expect(reply.headers.get('content-type')).toContain('application/problem+json')
})

test('a problem names the fields that are wrong', async () => {
  const { post } = await setup()
  const { body } = await post('/echo', { text: 1, times: 9, extra: true })
  expect(body['errors'].map((issue: { path: string }) => issue.path).sort()).toEqual(['', 'text', 'times'])
  expect(body).toMatchObject({ status: 422, instance: '/echo', error_type: 'validation' })
})

test.each([
  ['broken JSON', '{"text":', 'application/json', 400, 'malformed-json'],
  ['nothing', '', 'application/json', 400, 'malformed-json'],
  ['a poisoned prototype', '{"__proto__":{"x":1}}', 'application/json', 400, 'malformed-json'],
  ['another content type', 'text=a', 'text/plain', 415, 'unsupported-media-type'],
  [
    'a body over the limit',
    `{"text":"${'x'.repeat(1100 * 1024)}"}`,
    'application/json',
    413,
    'payload-too-large',
  ],
])('%s is a problem, not a failure of the server', async (_name, body, type, status, code) => {
  const { url, read } = await setup({ maxBodyBytes: 1024 * 1024 })
  const reply = await read(
    await fetch(`${url}/echo`, { method: 'POST', body, headers: { 'content-type': type } }),
  )
  expect([reply.status, reply.body['type']]).toEqual([status, `urn:headgate:problem:${code}`])
})

test('POST /api/tasks refuses a query: its priority is in the body', async () => {
  const { post } = await setup()
  expect((await post('/api/tasks?priority=3', { type: 'echo', input: { text: 'a' } })).status).toBe(422)
})

test.each(['/api/tasks/%', `/api/tasks/${'x'.repeat(500)}`])('%s is a problem too', async (path) => {
  const { get } = await setup()
  const { status, body } = await get(path)
  expect([status, body['error_type']]).toEqual([400, 'bad_request'])
})

test('an unknown route is a problem too', async () => {
  const { get } = await setup()
  const { status, body } = await get('/nothing?secret=1')
  expect([status, body['type'], body['instance']]).toEqual([
    404,
    'urn:headgate:problem:not-found',
    '/nothing',
  ])
})

test('a body that names a known task connects to it again', async () => {
  const { post, held } = await setup()
  const first = await post('/held', { anything: 1 })
  const again = await post('/held', { anything: 1, task_id: first.body['task_id'] })
  expect([again.status, again.body['status'], again.body['task_id']]).toEqual([
    200,
    'reconnected',
    first.body['task_id'],
  ])
  expect(held).toHaveLength(1)
})

test('1000 concurrent posts on 100 free places: exactly 100 are accepted, 900 refused with Retry-After', async () => {
  const { post, get } = await setup({ slots: 3, capacity: 103 })
  for (let slot = 0; slot < 3; slot += 1) await post('/held')
  await post('/api/tasks', { type: 'held', input: {} })
  await post('/api/tasks', { type: 'held', input: {} })
  await post('/api/tasks', { type: 'held', input: {} })
  const replies = await Promise.all(Array.from({ length: 1000 }, () => post('/echo', { text: 'x' })))
  const accepted = replies.filter((reply) => reply.status === 202)
  const refused = replies.filter((reply) => reply.status === 503)
  expect([accepted.length, refused.length]).toEqual([100, 900])
  for (const { headers, body } of refused) {
    const seconds = Number(headers.get('retry-after'))
    expect(seconds).toBeGreaterThanOrEqual(1)
    expect(seconds).toBeLessThanOrEqual(3600)
    expect(body).toMatchObject({
      error_type: 'queue_full',
      retry_after: seconds,
      queue_size: 103,
      max_queue_size: 103,
    })
  }
  expect((await get('/api/queue/stats')).body).toMatchObject({
    queue_size: 103,
    current_processing: 3,
    total_rejected: 900,
    accepting: false,
  })
})
