import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { startServer } from '../support/server.ts'
import { heldType } from '../support/types.ts'

/** A type whose tasks report progress, and end, when the test wants it. */
async function setup() {
  const { definition, held } = heldType()
  const { promise, resolve: report } = Promise.withResolvers<void>()
  const reporting = defineTask({
    type: 'reporting',
    input: z.object({}),
    run: async (_input, ctx) => {
      await promise
      ctx.progress(50, 'half')
      await new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(new Error('ended'))))
    },
  })
  const quick = defineTask({ type: 'quick', input: z.object({}), run: () => ({ words: 3 }) })
  const server = await startServer({ tasks: [definition, reporting, quick] })
  return { ...server, held, report }
}

test('a wait lasts until the task has ended, and answers with its result', async () => {
  const { post, get, held } = await setup()
  const id = (await post('/held')).body['task_id'] as string
  await vi.waitFor(() => expect(held).toHaveLength(1))
  const waiting = get(`/api/tasks/${id}?wait=20`)
  setTimeout(() => held[0]?.end({ words: 3 }), 100)
  const { status, body } = await waiting
  expect([status, body['done'], body['result']]).toEqual([200, true, { words: 3 }])
})

test('progress does not end a wait, unless the reader named the event that it has seen', async () => {
  const { post, get, report } = await setup()
  const id = (await post('/reporting')).body['task_id'] as string
  await vi.waitFor(async () => expect((await get(`/api/tasks/${id}`)).body['status']).toBe('running'))
  const { last_seq: seen } = (await get(`/api/tasks/${id}`)).body
  const began = performance.now()
  const [untilEnd, untilEvent] = [
    get(`/api/tasks/${id}?wait=1`),
    get(`/api/tasks/${id}?wait=20&after=${seen}`),
  ]
  setTimeout(report, 50)
  const next = (await untilEvent).body
  expect([next['progress'], next['last_seq'] > seen]).toEqual([50, true])
  expect((await untilEnd).body).toMatchObject({ status: 'running', done: false, progress: 50 })
  expect(performance.now() - began).toBeGreaterThan(950)
})

test('a submit that prefers to wait is answered with the task when it ends in time', async () => {
  const { post } = await setup()
  const { status, body, headers } = await post('/quick', {}, { prefer: 'respond-async, wait=20' })
  expect([status, body['status'], body['result']]).toEqual([200, 'completed', { words: 3 }])
  expect(headers.get('preference-applied')).toBe('wait')
  expect(headers.get('location')).toBe(body['urls'].self)
})

test('a submit that prefers to wait is answered as ever when the task has not ended', async () => {
  const { post } = await setup()
  const { status, body, headers } = await post('/held', {}, { prefer: 'wait=1' })
  expect([status, body['status'], headers.get('preference-applied')]).toEqual([202, 'created', null])
})

test.each(['wait=x', 'wait=-1', 'wait', ';;', 'return=minimal'])(
  'a preference that cannot be read is no error: %s',
  async (prefer) => {
    const { post } = await setup()
    expect((await post('/quick', {}, { prefer })).status).toBe(202)
  },
)

test('a wait of more than 60 seconds is refused', async () => {
  const { post, get } = await setup()
  const id = (await post('/held')).body['task_id'] as string
  expect((await get(`/api/tasks/${id}?wait=61`)).body['error_type']).toBe('validation')
})
