import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { TaskError } from '../../src/task/failure.ts'
import { startServer } from '../support/server.ts'
import { heldType } from '../support/types.ts'

async function setup(settings = {}) {
  const held = heldType()
  const input = z.object({})
  const good = defineTask({ type: 'good', input, run: () => ({ title: 'T', n: 1 }) })
  const bad = defineTask({
    type: 'bad',
    input,
    run: (_input, ctx) => {
      ctx.log('about to fail')
      throw new TaskError('no_text', 'Nothing to read.', { suggestions: ['Run OCR.'] })
    },
  })
  const server = await startServer({ tasks: [held.definition, good, bad], settings })
  const submit = async (type: string, priority = 1): Promise<string> =>
    (await server.post(`/${type}?priority=${priority}`)).body['task_id']
  return { ...server, ...held, submit }
}

test('a finished task is read whole, and its result alone', async () => {
  const { submit, ended, get } = await setup()
  const id = await submit('good')
  const task = await ended(id)
  expect(task).toMatchObject({
    task_id: id,
    status: 'completed',
    done: true,
    progress: 100,
    attempt: 1,
    queue_position: null,
    error: null,
    result: { title: 'T', n: 1 },
    last_seq: 3,
  })
  expect(task['run_ms']).toBeGreaterThanOrEqual(0)
  expect((await get(`/api/tasks/${id}/result`)).body).toEqual({ title: 'T', n: 1 })
})

test('a failure that a type declares is shown by its name, tried again if it may pass, and described', async () => {
  let runs = 0
  const orders = defineTask({
    type: 'orders',
    input: z.object({ error: z.string() }),
    retry: { baseMs: 1 },
    failures: {
      no_such_sheet: { retryable: false, suggestion: 'Check the name.' },
      sheet_locked: { retryable: true, suggestion: 'Close the file.' },
    },
    run: ({ error }) => {
      runs += 1
      throw new TaskError(error, 'No orders.')
    },
  })
  const { post, get, ended } = await startServer({ tasks: [orders] })
  const outcomeOf = async (error: string) => {
    const task = await ended((await post('/orders', { error })).body['task_id'] as string)
    const { error_type: type, suggestions, retryable } = task['error']
    return [type, suggestions[0], retryable, task['attempt']]
  }
  expect(await outcomeOf('no_such_sheet')).toEqual(['no_such_sheet', 'Check the name.', false, 1])
  expect(runs).toBe(1)
  expect(await outcomeOf('sheet_locked')).toEqual(['sheet_locked', 'Close the file.', true, 3])
  expect((await outcomeOf('no_such_name'))[0]).toBe('execution_error')
  const { body } = await get('/openapi.json')
  const described = body['components']['schemas']['FailureType']['enum'] as string[]
  expect(described).toEqual(expect.arrayContaining(['no_such_sheet', 'sheet_locked', 'no_text', 'timeout']))
})

test.each([
  ['of a built-in failure', { timeout: { retryable: false, suggestion: 'x' } }],
  ['in capitals', { NoSheet: { retryable: false, suggestion: 'x' } }],
  ['without a suggestion', { no_sheet: { retryable: false, suggestion: '' } }],
])('a failure with a name %s is refused', (_name, failures) => {
  const define = () => defineTask({ type: 'orders', input: z.object({}), failures, run: () => null })
  expect(define).toThrow(/failures/)
})

test('a failure of the work is data', async () => {
  const { submit, ended, get } = await setup()
  const id = await submit('bad')
  await ended(id)
  const { status, body } = await get(`/api/tasks/${id}/result`)
  expect([status, body['status'], body['error']]).toEqual([
    200,
    'error',
    {
      error_type: 'no_text',
      message: 'Nothing to read.',
      retryable: false,
      retry_after: null,
      suggestions: ['Run OCR.'],
    },
  ])
})

test('the status has the original shape', async () => {
  const { submit, ended, get } = await setup()
  const id = await submit('bad')
  await ended(id)
  expect((await get(`/api/tasks/${id}/status`)).body).toMatchObject({
    task_id: id,
    status: 'error',
    progress: 0,
    logs: ['about to fail'],
    completed: false,
    failed: true,
  })
})

test('a task that has not ended has no result yet', async () => {
  const { submit, get } = await setup()
  const id = await submit('held')
  const { status, body, headers } = await get(`/api/tasks/${id}/result`)
  expect([status, body['error_type'], headers.get('retry-after')]).toEqual([409, 'task_not_finished', '1'])
})

test.each(['', '/status', '/result', '/stream'])('an unknown task is 404 at %s', async (path) => {
  const { get } = await setup()
  const { status, body } = await get(`/api/tasks/01999999-0000-7000-8000-000000000000${path}`)
  expect([status, body['error_type']]).toEqual([404, 'task_not_found'])
})

test('waiting tasks know their place', async () => {
  const { submit, get } = await setup({ slots: 0 })
  const low = await submit('good', 0)
  await submit('good', 3)
  expect((await get(`/api/tasks/${low}`)).body).toMatchObject({
    status: 'queued',
    queue_position: 2,
    tasks_ahead: 1,
  })
})

test('a long poll answers when the task changes, when it has ended, or when the time is up', async () => {
  const { submit, get, held } = await setup({ slots: 1 })
  const id = await submit('held')
  const waiting = get(`/api/tasks/${id}?wait=30`)
  await expect.poll(() => held.length).toBe(1)
  held[0]?.end('x')
  expect((await waiting).body).toMatchObject({ status: 'completed', result: 'x' })
  expect((await get(`/api/tasks/${id}?wait=30`)).body['status']).toBe('completed')
  const next = await submit('held')
  expect((await get(`/api/tasks/${next}?wait=1`)).body['status']).toBe('running')
  expect((await get(`/api/tasks/${next}?wait=61`)).status).toBe(422)
})

test('a long poll whose client has gone listens no more', async () => {
  const { submit, url, core } = await setup()
  const id = await submit('held')
  const leave = new AbortController()
  const gone = fetch(`${url}/api/tasks/${id}?wait=30`, { signal: leave.signal }).catch(() => 'gone')
  await expect.poll(() => [...core.bus.watchedTasks].length).toBe(1)
  leave.abort()
  expect(await gone).toBe('gone')
  await expect.poll(() => [...core.bus.watchedTasks].length).toBe(0)
})

test('cancel: waiting 200, running 202, finished 409, unknown 404', async () => {
  const { submit, post, ended } = await setup({ slots: 1 })
  const running = await submit('held')
  const waiting = await submit('held')
  const first = await post(`/api/tasks/${waiting}/cancel`)
  expect([first.status, first.body['status']]).toEqual([200, 'cancelled'])
  const second = await post(`/api/tasks/${running}/cancel`)
  expect([second.status, second.body['status']]).toEqual([202, 'cancelling'])
  expect(await ended(running)).toMatchObject({ status: 'cancelled', error: { error_type: 'cancelled' } })
  const again = await post(`/api/tasks/${running}/cancel`)
  expect([again.status, again.body['error_type']]).toEqual([409, 'already_finished'])
  expect((await post('/api/tasks/unknown/cancel')).status).toBe(404)
})

test('lists go newest first and by page', async () => {
  const { submit, get, ended } = await setup({ slots: 3 })
  const ids: string[] = []
  for (const type of ['good', 'bad', 'good', 'held', 'good']) ids.push(await submit(type))
  await ended(ids[4]!)
  const page = (await get('/api/tasks?limit=2')).body
  expect(page['tasks'].map((task: { task_id: string }) => task.task_id)).toEqual([ids[4], ids[3]])
  const next = (await get(`/api/tasks?limit=2&cursor=${page['next_cursor']}`)).body
  expect(next['tasks'].map((task: { task_id: string }) => task.task_id)).toEqual([ids[2], ids[1]])
  expect((await get('/api/tasks?type=bad&status=error')).body['tasks']).toHaveLength(1)
})

test.each(['limit=0', 'limit=101', 'limit=x', 'status=nope', 'cursor=zzz', 'unknown=1'])(
  'a list with %s is refused',
  async (query) => {
    const { get } = await setup()
    expect((await get(`/api/tasks?${query}`)).status).toBe(422)
  },
)
