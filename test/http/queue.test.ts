import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { startServer } from '../support/server.ts'
import { heldType } from '../support/types.ts'

async function setup(settings = {}) {
  const held = heldType()
  const input = z.object({ secret: z.string().optional() })
  const tasks = [
    held.definition,
    defineTask({ type: 'good', input, run: () => null }),
    defineTask({ type: 'bad', input, run: () => Promise.reject(new Error('bad')) }),
    defineTask({
      type: 'late',
      input,
      timeoutMs: 30,
      run: (_input, ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', resolve)),
    }),
    defineTask({ type: 'stuck', input, timeoutMs: 30, run: () => new Promise(() => {}) }),
  ]
  const server = await startServer({ tasks, settings })
  const stats = async () => (await server.get('/api/queue/stats')).body
  return { ...server, ...held, stats }
}

const ORIGINAL_FIELDS = [
  'total_processed',
  'total_success',
  'total_failed',
  'total_timeout',
  'current_processing',
  'queue_size',
  'max_workers',
  'max_queue_size',
  'is_running',
]

test('the original nine fields come first, then ours', async () => {
  const { stats } = await setup()
  const body = await stats()
  expect(Object.keys(body).slice(0, 9)).toEqual(ORIGINAL_FIELDS)
  expect(body).toMatchObject({
    max_workers: 3,
    max_queue_size: 100,
    is_running: true,
    by_priority: { LOW: 0, NORMAL: 0, HIGH: 0, URGENT: 0 },
    wait_seconds: null,
    estimated_wait_seconds: { LOW: null },
    accepting: true,
    engine: process.env['TEST_POSTGRES'] === undefined ? 'local' : 'postgres',
  })
})

test.each([
  '/api/queue/stats',
  '/api/queue/tasks',
  '/api/tasks/x',
  '/api/tasks/x/status',
  '/api/tasks/x/result',
])('%s refuses a query that it does not know', async (path) => {
  const { get } = await setup()
  expect((await get(`${path}?bogus=1`)).status).toBe(422)
})

test('processed is what succeeded, failed and timed out; a throw is never a success', async () => {
  const { post, stats, ended } = await setup()
  const ids: string[] = []
  for (const type of ['good', 'bad', 'good', 'bad', 'late', 'good', 'good', 'good'])
    ids.push((await post(`/${type}`)).body['task_id'])
  const cancelled = (await post('/held')).body['task_id']
  await post(`/api/tasks/${cancelled}/cancel`)
  for (const id of [...ids, cancelled]) await ended(id)
  const body = await stats()
  expect(body).toMatchObject({
    total_success: 5,
    total_failed: 2,
    total_timeout: 1,
    total_processed: 8,
    total_cancelled: 1,
  })
  expect(body['run_seconds']).toEqual({ p50: expect.any(Number), p90: expect.any(Number) })
})

test('what waits is counted by priority, and how long the oldest has', async () => {
  const { post, stats } = await setup({ slots: 1 })
  const before = performance.now()
  for (const priority of [1, 0, 3, 3]) await post(`/held?priority=${priority}`)
  const body = await stats()
  expect(body).toMatchObject({
    current_processing: 1,
    utilization: 1,
    queue_size: 3,
    by_priority: { LOW: 1, NORMAL: 0, HIGH: 0, URGENT: 2 },
  })
  expect(body['oldest_queued_seconds']).toBeGreaterThanOrEqual(0)
  expect(body['oldest_queued_seconds']).toBeLessThanOrEqual(Math.ceil((performance.now() - before) / 1000))
})

test('the list of the queue has the original shape and shows no input', async () => {
  const { post, get } = await setup({ slots: 1 })
  const running = (await post('/held')).body['task_id']
  const queued = (await post('/good', { secret: 'a secret' })).body['task_id']
  const { body, text } = await get('/api/queue/tasks')
  expect(body).toMatchObject({
    processing: [{ task_id: running, status: 'running', progress: 0 }],
    queued: [{ task_id: queued, task_type: 'good', priority: 'NORMAL', status: 'queued', queue_position: 1 }],
    total_processing: 1,
    total_queued: 1,
  })
  expect(text).not.toContain('a secret')
})

test('health: live, ready, and not ready when handlers are stuck at the bound', async () => {
  const { get, post } = await setup({ slots: 1, maxStuck: 1, graceMs: 20 })
  expect((await get('/health/live')).status).toBe(200)
  expect((await get('/health/ready')).body).toEqual({ status: 'ready', reasons: [] })
  expect((await get('/api/health')).body).toMatchObject({
    status: 'healthy',
    components: { api: { status: 'healthy' } },
  })
  await post('/stuck')
  await expect.poll(async () => (await get('/health/ready')).status).toBe(503)
  expect((await get('/health/ready')).body['reasons']).toEqual(['stuck-handlers'])
  expect((await get('/api/queue/stats')).body).toMatchObject({
    stuck_workers: 1,
    current_processing: 0,
    total_timeout: 1,
  })
})
