import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { tempFolder } from '../support/journal.ts'
import { startServer, tokenFor, type ServerGiven } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const KEY = { 'idempotency-key': 'k-1' }

async function setup(given: ServerGiven = {}) {
  const { definition, held } = heldType()
  const once = { ...heldType('once') }
  const types = [
    definition,
    { ...once.definition, dedupe: true },
    defineTask({ type: 'echo', input: z.object({ n: z.number() }), dedupe: true, run: ({ n }) => n }),
    defineTask({
      type: 'file',
      input: z.object({}),
      upload: { accept: ['text/plain'], maxBytes: 10_000_000 },
      dedupe: true,
      run: (_input, ctx) => ctx.upload?.sha256,
    }),
  ]
  const server = await startServer({ ...given, tasks: types })
  return { ...server, held, once: once.held }
}

test('a request that is sent again under its key makes no second task, and is marked', async () => {
  const { post } = await setup()
  const first = await post('/held', { a: 1, b: 2 }, KEY)
  const again = await post('/held', { b: 2, a: 1 }, KEY)
  expect([first.status, again.status]).toEqual([202, 202])
  expect(again.body).toMatchObject({ task_id: first.body['task_id'], status: 'created', deduplicated: true })
  expect([first.headers.get('idempotency-replayed'), again.headers.get('idempotency-replayed')]).toEqual([
    null,
    'true',
  ])
  expect((await post('/held', { a: 1, b: 2 }, { 'idempotency-key': 'k-2' })).body['task_id']).not.toBe(
    first.body['task_id'],
  )
})

test.each([
  ['another input', '/held', { a: 2 }],
  ['another priority', '/held?priority=3', { a: 1 }],
  ['another type', '/echo', { n: 1 }],
])('a key that was used with %s is refused', async (_what, path, body) => {
  const { post } = await setup()
  await post('/held', { a: 1 }, KEY)
  const { status, body: problem } = await post(path, body, KEY)
  expect([status, problem['error_type']]).toEqual([422, 'idempotency_mismatch'])
})

test('a key belongs to its caller', async () => {
  const [ann, bob] = [tokenFor('ann'), tokenFor('bob')]
  const { as } = await setup({ settings: { tokens: [ann.record, bob.record] } })
  const ids = await Promise.all(
    [ann, bob].map(async ({ headers }) => (await as(headers).post('/held', {}, KEY)).body['task_id']),
  )
  expect(new Set(ids).size).toBe(2)
})

test('1000 requests at once under one key make one task; after a restart it is still the one', async () => {
  const folder = await tempFolder()
  const given: ServerGiven = { folder, settings: { journal: 'sqlite', ratePerMinute: 0 } }
  const first = await setup(given)
  const replies = await Promise.all(Array.from({ length: 1000 }, () => first.post('/echo', { n: 1 }, KEY)))
  expect(replies.filter(({ status }) => status !== 202)).toEqual([])
  expect(new Set(replies.map(({ body }) => body['task_id'])).size).toBe(1)
  expect(replies.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
  expect((await first.get('/api/tasks')).body['tasks']).toHaveLength(1)
  await first.stop()

  const second = await setup(given)
  const { status, body } = await second.post('/echo', { n: 1 }, KEY)
  expect([status, body['task_id']]).toEqual([202, replies[0]?.body['task_id']])
  expect((await second.post('/echo', { n: 2 }, KEY)).status).toBe(422)
})

test('what was refused may be tried again under its key', async () => {
  const { post, core } = await setup({ settings: { capacity: 0 } })
  expect((await post('/held', {}, KEY)).status).toBe(503)
  core.pool.resize({ capacity: 10 })
  expect((await post('/held', {}, KEY)).status).toBe(202)
})

test('while an upload is received its key is in flight; afterwards it is replayed by its content', async () => {
  const { core, url, as } = await setup()
  const received = core.admission.receiveKey('local', 'k-1')
  const file = () => {
    const form = new FormData()
    form.append('file', new Blob(['A file of text.']), 'a.txt')
    return fetch(`${url}/file`, { method: 'POST', headers: KEY, body: form })
  }
  const inFlight = await file()
  expect([inFlight.status, inFlight.headers.get('retry-after')]).toEqual([409, '1'])
  received?.()
  const { upload } = as(KEY)
  const [first, again] = [await upload('/file', 'A file of text.'), await upload('/file', 'A file of text.')]
  expect([first.status, again.status, again.headers.get('idempotency-replayed')]).toEqual([202, 202, 'true'])
  expect(again.body['task_id']).toBe(first.body['task_id'])
  expect((await upload('/file', 'Another file of text.')).status).toBe(422)
})

test('the same input finds the task that waits or runs, then its result, and force makes another', async () => {
  const { post, ended } = await setup()
  const first = await post('/echo', { n: 1 })
  await ended(first.body['task_id'])
  const known = await post('/echo', { n: 1 })
  expect([known.status, known.body]).toEqual([
    200,
    expect.objectContaining({ status: 'exists', exists: true, task_id: first.body['task_id'] }),
  ])
  const forced = await post('/echo?force=true', { n: 1 })
  expect([forced.status, forced.body['status']]).toEqual([202, 'created'])
  expect(forced.body['task_id']).not.toBe(first.body['task_id'])
  expect((await post('/echo', { n: 2 })).status).toBe(202)
})

test('100 equal submits at once are one task', async () => {
  const { post } = await setup()
  const replies = await Promise.all(Array.from({ length: 100 }, () => post('/once', { a: 1 })))
  expect(new Set(replies.map(({ body }) => body['task_id'])).size).toBe(1)
  expect(replies.filter(({ status }) => status === 202)).toHaveLength(1)
  expect(replies.filter(({ body }) => body['status'] === 'in_progress')).toHaveLength(99)
})

test('a type that does not ask for it makes a task of every submit, unless the submit asks', async () => {
  const { post } = await setup()
  const submit = (dedupe?: boolean) => post('/api/tasks', { type: 'held', input: { a: 1 }, dedupe })
  const ids = [await submit(), await submit(), await submit(true), await submit(true)].map(
    ({ body }) => body['task_id'],
  )
  expect(new Set(ids).size).toBe(3)
  expect(ids[3]).toBe(ids[2])
})

test('a joining submit raises the priority to the higher of the two, and never lowers it', async () => {
  const { post, get, once } = await setup({ settings: { slots: 1 } })
  await post('/once', { first: true })
  await expect.poll(() => once.length).toBe(1)
  const waiting = await post('/once?priority=LOW', { a: 1 })
  await post('/held?priority=HIGH', {})
  const lifted = await post('/once?priority=URGENT', { a: 1 })
  expect(lifted.body).toMatchObject({ status: 'in_progress', priority_name: 'URGENT', tasks_ahead: 0 })
  await post('/once?priority=LOW', { a: 1 })
  const { body } = await get(`/api/tasks/${waiting.body['task_id']}`)
  expect(body).toMatchObject({ priority_name: 'URGENT', waiters: 3, queue_position: 1 })
})

test('a cancel by one of several detaches it; the last one cancels', async () => {
  const { post, get } = await setup({ settings: { slots: 0 } })
  const { body: task } = await post('/once', {})
  await post('/once', {})
  const cancel = () => post(`/api/tasks/${task['task_id']}/cancel`)
  expect([(await cancel()).body, (await cancel()).body]).toEqual([
    expect.objectContaining({ status: 'queued', detached: true, waiters: 1 }),
    expect.objectContaining({ status: 'cancelled' }),
  ])
  expect((await get(`/api/tasks/${task['task_id']}`)).body['status']).toBe('cancelled')
})

test('each submit names its waiter; a cancel takes that one away, and its repeat changes nothing', async () => {
  const { post, get } = await setup({ settings: { slots: 0 } })
  const submits = [await post('/once', {}), await post('/once', {}), await post('/once', {})]
  expect(submits.map(({ body }) => body['waiter'])).toEqual(['w_1', 'w_2', 'w_3'])
  const id = submits[0]?.body['task_id'] as string
  const cancel = (waiter: string) => post(`/api/tasks/${id}/cancel`, { waiter })
  for (const [waiter, left] of [
    ['w_2', 2],
    ['w_2', 2],
    ['w_1', 1],
    ['w_2', 1],
    ['w_1', 1],
  ] as const) {
    const { status, body } = await cancel(waiter)
    expect([status, body['detached'], body['waiters'], body['status']]).toEqual([200, true, left, 'queued'])
  }
  expect((await cancel('w_9')).body).toMatchObject({ error_type: 'validation', errors: [{ path: 'waiter' }] })
  expect((await cancel('me')).status).toBe(422)
  expect((await cancel('w_3')).body['status']).toBe('cancelled')
  expect((await get(`/api/tasks/${id}`)).body['status']).toBe('cancelled')
})

test('a repeated request is answered with the waiter of the first', async () => {
  const { post } = await setup({ settings: { slots: 0 } })
  await post('/once', {})
  const joined = await post('/once', {}, KEY)
  const again = await post('/once', {}, KEY)
  expect([joined.body['waiter'], again.body['waiter']]).toEqual(['w_2', 'w_2'])
})

test('a joined submit gets the list of what does not apply', async () => {
  const { post } = await setup({ settings: { slots: 0 } })
  const submit = (more: object) => post('/api/tasks', { type: 'once', input: { a: 7 }, ...more })
  expect((await submit({ metadata: { a: 1 }, timeout_seconds: 5 })).body).not.toHaveProperty('ignored')
  const { body } = await submit({ metadata: { a: 2 }, timeout_seconds: 6, max_attempts: 1, priority: 3 })
  expect(body['ignored']).toEqual(['metadata', 'timeout_seconds', 'max_attempts'])
})

test('an equal file is not kept twice', async () => {
  const { upload, ended } = await setup()
  const first = await upload('/file', 'A file of text.')
  await ended(first.body['task_id'])
  const again = await upload('/file', 'A file of text.')
  expect([again.status, again.body['status'], again.body['task_id']]).toEqual([
    200,
    'exists',
    first.body['task_id'],
  ])
})

test('a key whose request found a known task is remembered like any other', async () => {
  const { post } = await setup()
  const first = await post('/once', { a: 1 })
  const joined = await post('/once', { a: 1 }, KEY)
  expect(joined.body).toMatchObject({ status: 'in_progress', task_id: first.body['task_id'] })
  const again = await post('/once', { a: 1 }, KEY)
  expect([again.headers.get('idempotency-replayed'), again.body['task_id']]).toEqual([
    'true',
    first.body['task_id'],
  ])
  // It waits once, however often it was sent.
  expect((await post(`/api/tasks/${first.body['task_id']}/cancel`)).body).toMatchObject({ waiters: 1 })
  expect((await post('/once', { a: 2 }, KEY)).body['error_type']).toBe('idempotency_mismatch')
})

test('a submit that comes while the end of an equal task is being written finds its result', async () => {
  const { post, once, core } = await setup({ settings: { journal: 'sqlite' } })
  const { body: first } = await post('/once', { a: 1 })
  await expect.poll(() => once.length).toBe(1)
  once[0]?.end('done')
  // The end is decided, and not committed yet.
  await expect.poll(() => core.lifecycle.live(first['task_id']), { interval: 0 }).toBeUndefined()
  const { body } = await post('/once', { a: 1 })
  expect(body).toMatchObject({ status: 'exists', task_id: first['task_id'] })
})

test('a delayed task that a joined submit moves to another level has no queue position', async () => {
  const { post, get } = await setup()
  const body = { type: 'once', input: {}, delay_seconds: 60 }
  const first = await post('/api/tasks', body)
  const id = first.body['task_id'] as string
  expect((await post('/api/tasks', { ...body, priority: 'URGENT' })).body['task_id']).toBe(id)
  const { body: task } = await get(`/api/tasks/${id}`)
  expect([task['status'], task['priority_name'], task['last_seq']]).toEqual(['scheduled', 'URGENT', 2])
  const { text } = await get(`/api/tasks/${id}/status`)
  expect(text).toContain('The priority is URGENT now.')
})
