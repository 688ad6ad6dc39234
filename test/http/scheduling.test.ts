import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { startServer, tokenFor, type Json } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

async function setup(
  settings: Parameters<typeof startServer>[0] extends infer Given ? NonNullable<Given> : never = {},
) {
  const { definition, held } = heldType()
  const quick = defineTask({ type: 'quick', input: z.object({ n: z.number() }), run: ({ n }) => n })
  const failing = defineTask({
    type: 'failing',
    input: z.object({}),
    run: () => {
      throw new Error('no')
    },
  })
  const tasks = [definition, quick, failing]
  const server = await startServer({
    tasks,
    ...settings,
    settings: { slots: 1, capacity: 4, ...settings.settings },
  })
  const patch = async (path: string, body: unknown, headers: Record<string, string> = {}) =>
    server.read(
      await fetch(server.url + path, {
        method: 'PATCH',
        headers: { ...JSON_TYPE, ...headers },
        body: JSON.stringify(body),
      }),
    )
  const submit = async (type: string, also: object = {}) =>
    server.post('/api/tasks', { type, input: type === 'quick' ? { n: 1 } : {}, ...also })
  return { ...server, held, patch, submit }
}

const findCode = ({ status, body }: { status: number; body: Json }) => [
  status,
  body['type']?.split(':').at(-1),
]

test('a batch is admitted as a whole, or as far as there is room', async () => {
  const { post, get, held } = await setup()
  const tasks = (count: number) => Array.from({ length: count }, () => ({ type: 'held', input: {} }))
  const tooMany = await post('/api/tasks/batch', { tasks: tasks(6), admission: 'all' })
  expect(findCode(tooMany)).toEqual([503, 'queue-full'])
  expect((await get('/api/queue/stats')).body).toMatchObject({
    queue_size: 0,
    current_processing: 0,
    total_rejected: 6,
  })

  // The one slot is taken: what comes now waits.
  await post('/held', {})
  await expect.poll(() => held.length).toBe(1)
  const part = await post('/api/tasks/batch', { tasks: tasks(6), admission: 'partial' })
  expect([part.status, part.body['accepted'], part.body['refused']]).toEqual([202, 4, 2])
  expect(part.body['tasks'].map((task: Json) => task['status_code'])).toEqual([202, 202, 202, 202, 503, 503])
  expect(held).toHaveLength(1)

  const mixed = [
    { type: 'quick', input: { n: 1 } },
    { type: 'quick', input: { n: 'one' } },
  ]
  const wrong = await post('/api/tasks/batch', { tasks: mixed, admission: 'all' })
  expect(findCode(wrong)).toEqual([422, 'validation'])
  expect(wrong.body['detail']).toContain('tasks.1')
  expect(findCode(await post('/api/tasks/batch', { tasks: [] }))).toEqual([422, 'validation'])
})

test('delay, start deadline, time limit and attempts are asked for, within the bounds of the type', async () => {
  const { submit, get } = await setup()
  const { status, body } = await submit('quick', {
    delay_seconds: 600,
    start_deadline_seconds: 900,
    timeout_seconds: 5,
    max_attempts: 1,
  })
  expect([status, body['task_status'], body['queue_position']]).toEqual([202, 'scheduled', null])
  const task = (await get(body['urls'].self)).body
  expect(task).toMatchObject({ status: 'scheduled', timeout_seconds: 5, max_attempts: 1, runs: [] })
  const created = Date.parse(task['created_at'])
  expect([Date.parse(task['wait_until']) - created, Date.parse(task['start_deadline_at']) - created]).toEqual(
    [600_000, 900_000],
  )
  expect((await get('/api/queue/stats')).body['scheduled']).toBe(1)
  for (const also of [
    { timeout_seconds: 4000 },
    { max_attempts: 9 },
    { delay_seconds: 9, start_deadline_seconds: 9 },
    { delay_seconds: 1.5 },
  ]) {
    expect(findCode(await submit('quick', also))).toEqual([422, 'validation'])
  }
})

test('a task that has ended is tried again as a new task, with its file', async () => {
  const { submit, post, get, ended, upload } = await setup({ tasks: [], settings: { slots: 2 } })
  const failed = await submit('nope')
  expect(failed.status).toBe(404)
  const first = await upload(
    '/analyze-document',
    'A gate holds the water back. It lets through what the mill can take.',
    { name: 'a.txt' },
  )
  const done = await ended(first.body['task_id'])
  expect(done['status']).toBe('completed')
  const again = await post(`${done['urls'].self}/retry`)
  // A memory journal keeps no files; a durable one keeps them a day.
  expect([202, 410]).toContain(again.status)
  expect(findCode(await post('/api/tasks/none/retry'))).toEqual([404, 'task-not-found'])
  expect((await get('/api/tasks')).status).toBe(200)
})

test('retry makes a new task that names the old one, and only when that has ended', async () => {
  const { submit, post, get, ended, held } = await setup({ settings: { slots: 2 } })
  const { body } = await submit('failing', { metadata: { mine: 1 }, priority: 'HIGH' })
  await ended(body['task_id'])
  const again = await post(`${body['urls'].self}/retry`)
  expect([again.status, again.body['deduplicated']]).toEqual([202, false])
  const task = (await get(again.body['urls'].self)).body
  expect(task).toMatchObject({ retry_of: body['task_id'], metadata: { mine: 1 }, priority_name: 'HIGH' })
  const running = await submit('held')
  await expect.poll(() => held.length).toBe(1)
  expect(findCode(await post(`${running.body['urls'].self}/retry`))).toEqual([409, 'task-not-finished'])
})

test('the priority of a waiting task is changed, and it keeps its age', async () => {
  const { submit, patch, get, held, ended } = await setup()
  await submit('held')
  await expect.poll(() => held.length).toBe(1)
  const old = await submit('quick', { priority: 'LOW' })
  await submit('quick', { priority: 'HIGH' })
  const path = old.body['urls'].self
  expect((await get(path)).body['queue_position']).toBe(2)
  const { status, body } = await patch(path, { priority: 'HIGH' })
  expect([status, body['priority_name'], body['queue_position']]).toEqual([200, 'HIGH', 1])
  expect(findCode(await patch(path, { priority: 9 }))).toEqual([422, 'invalid-priority'])
  expect(findCode(await patch(path, {}))).toEqual([422, 'validation'])
  expect(findCode(await patch(`/api/tasks/${held[0]!.id}`, { priority: 3 }))).toEqual([
    409,
    'already-started',
  ])
  held[0]!.end()
  await ended(old.body['task_id'])
  expect(findCode(await patch(path, { priority: 3 }))).toEqual([409, 'already-finished'])
})

test('controls are for operators, take effect at once, and return the resulting state', async () => {
  const operator = tokenFor('ops', { role: 'operator' })
  const caller = tokenFor('ann', { maxPriority: 1 })
  const { url, as, submit: _, held } = await setup({ settings: { tokens: [operator.record, caller.record] } })
  const [ops, ann] = [as(operator.headers), as(caller.headers)]
  expect(findCode(await ann.post('/api/queue/pause', { scope: 'intake' }))).toEqual([403, 'forbidden'])

  expect((await ops.post('/api/queue/pause', { scope: 'processing' })).body['paused']).toEqual(['processing'])
  const waiting = await ann.post('/held', {})
  expect(waiting.body['task_status']).toBe('queued')
  expect((await ops.get('/api/queue/stats')).body).toMatchObject({
    paused: true,
    holds: ['processing'],
    queue_size: 1,
  })
  await ops.post('/api/queue/resume', { scope: 'processing' })
  await expect.poll(() => held.length).toBe(1)

  await ops.post('/api/queue/pause', { scope: 'intake' })
  expect(findCode(await ann.post('/held', {}))).toEqual([503, 'intake-paused'])
  expect((await ann.get('/api/queue/capacity')).body).toMatchObject({
    accepting: false,
    reason: 'intake-paused',
  })
  expect((await ops.post('/api/queue/drain')).body['draining']).toBe(true)
  expect((await ops.get('/health/ready')).body['reasons']).toEqual(['draining'])
  await ops.post('/api/queue/resume', { scope: 'intake' })

  const configured = await fetch(`${url}/api/queue/config`, {
    method: 'PATCH',
    headers: { ...JSON_TYPE, ...operator.headers },
    body: JSON.stringify({ max_workers: 2, max_queue_size: 7, resources: { llm: 'concurrency=2 rpm=60' } }),
  })
  expect(await configured.json()).toMatchObject({
    max_workers: 2,
    max_queue_size: 7,
    resources: { llm: 'concurrency=2 rpm=60' },
  })
  const stats = (await ops.get('/api/queue/stats')).body
  expect(stats).toMatchObject({ max_workers: 2, max_queue_size: 7, paused: false })
  expect(stats['resources'].find(({ name }: Json) => name === 'llm')).toMatchObject({ limit: 2, in_use: 0 })
})

test('one type or one caller is paused by itself, and callers are named to operators alone', async () => {
  const operator = tokenFor('ops', { role: 'operator' })
  const [ann, ben] = [tokenFor('ann'), tokenFor('ben')]
  const tokens = [operator.record, ann.record, ben.record]
  const { as, held } = await setup({ settings: { tokens, slots: 3 } })
  const ops = as(operator.headers)
  const [anns, bens] = [as(ann.headers), as(ben.headers)]

  const paused = await ops.post('/api/queue/pause', { scope: 'processing', caller: 'ben' })
  expect(paused.body).toMatchObject({
    paused: [],
    paused_groups: [{ scope: 'processing', type: null, caller: 'ben', by: 'ops', at: expect.any(String) }],
  })
  const waiting = await bens.post('/held', {})
  await anns.post('/held', {})
  await expect.poll(() => held.length).toBe(1)
  expect((await bens.get(`/api/tasks/${waiting.body['task_id']}`)).body['status']).toBe('queued')
  expect(JSON.stringify((await anns.get('/api/queue/stats')).body)).not.toContain('ben')

  await ops.post('/api/queue/pause', { scope: 'intake', type: 'quick' })
  expect(findCode(await anns.post('/api/tasks', { type: 'quick', input: { n: 1 } }))).toEqual([
    503,
    'intake-paused',
  ])
  expect((await anns.get('/api/queue/capacity?type=quick')).body['reason']).toBe('intake-paused')
  expect((await anns.get('/api/queue/capacity?type=held')).status).toBe(200)
  const nope = await anns.get('/api/queue/capacity?type=nope')
  expect([nope.status, nope.body['errors']]).toEqual([422, [expect.objectContaining({ path: 'type' })]])
  expect((await anns.post('/held', {})).status).toBe(202)

  await ops.post('/api/queue/resume', { scope: 'processing', caller: 'ben' })
  await expect.poll(() => held.length).toBe(3)
  const { body } = await ops.get('/api/queue/config')
  expect(body['paused_groups']).toMatchObject([{ scope: 'intake', type: 'quick', caller: null }])

  const unknown = await ops.post('/api/queue/pause', { scope: 'intake', type: 'quikc' })
  expect(findCode(unknown)).toEqual([422, 'validation'])
  expect(unknown.body['errors']).toEqual([{ path: 'type', message: 'there is no such task type' }])
  expect(findCode(await anns.get('/api/queue/config'))).toEqual([403, 'forbidden'])
})

test('a caller that has too many waiting gets 429, with a time to come back', async () => {
  const ann = tokenFor('ann')
  const bob = tokenFor('bob')
  const { as } = await setup({ settings: { tokens: [ann.record, bob.record], maxQueuedPerCaller: 2 } })
  for (let count = 0; count < 3; count += 1) await as(ann.headers).post('/held', {})
  const refused = await as(ann.headers).post('/held', {})
  expect(findCode(refused)).toEqual([429, 'user-queue-full'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  expect((await as(bob.headers).post('/held', {})).status).toBe(202)
})

test('capacity is what a submit would be answered, and waits are estimated from the fifth sample on', async () => {
  const { get, submit, ended, held } = await setup({ settings: { slots: 1, capacity: 2 } })
  expect((await get('/api/queue/capacity?priority=HIGH')).body).toMatchObject({
    accepting: true,
    priority_name: 'HIGH',
    free_places: 2,
    estimated_wait_seconds: null,
  })
  for (let count = 0; count < 6; count += 1) await ended((await submit('quick')).body['task_id'])
  // An estimate is at most a second old.
  const estimate = async () => (await get('/api/queue/capacity')).body['estimated_wait_seconds']
  await expect.poll(estimate, { timeout: 5000 }).toMatchObject({ p50: 0, p90: 0 })
  const before = held.length
  await submit('held')
  await expect.poll(() => held.length).toBe(before + 1)
  for (let count = 0; count < 2; count += 1) expect((await submit('held')).status).toBe(202)
  const full = await get('/api/queue/capacity')
  expect([full.status, full.body['reason'], full.body['free_places']]).toEqual([503, 'queue-full', 0])
  expect(full.headers.get('retry-after')).toBe(`${full.body['retry_after']}`)
})

test('the forecast answers what would be, and refuses what it cannot know', async () => {
  const { get } = await setup()
  expect(findCode(await get('/api/queue/forecast'))).toEqual([422, 'validation'])
  const { status, body } = await get(
    '/api/queue/forecast?workers=4&burst=10&run_seconds=163&target_p90_seconds=1',
  )
  // Four places wait: eight of the ten are taken.
  expect([status, body['tasks'], body['refused_share'], body['verdict']]).toEqual([200, 10, 0.2, 'ends'])
  expect(body['last_done_seconds']).toBe(326)
  expect(body['smallest_workers']).toBe(9)
  expect(
    findCode(await get('/api/queue/forecast?run_seconds=1&arrivals_per_minute=100000&minutes=10000')),
  ).toEqual([422, 'validation'])
})
