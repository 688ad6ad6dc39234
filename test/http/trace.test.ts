import { expect, test } from 'vitest'
import { startServer } from '../support/server.ts'
import { heldType } from '../support/types.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

async function setup() {
  const { definition } = heldType()
  return startServer({ tasks: [definition] })
}

test('a request is given back the name that it gave itself, or gets one', async () => {
  const { post, get } = await setup()
  const own = await post('/held', {}, { 'x-request-id': 'order-17/a' })
  expect(own.headers.get('x-request-id')).toBe('order-17/a')
  expect((await get('/api/queue/stats')).headers.get('x-request-id')).toMatch(UUID)
  expect((await get('/nothing')).headers.get('x-request-id')).toMatch(UUID)
})

test.each(['with space', 'x'.repeat(129), '<script>', 'a,b'])(
  'a name that is no token is replaced: %s',
  async (name) => {
    const { get } = await setup()
    expect((await get('/health', { 'x-request-id': name })).headers.get('x-request-id')).toMatch(UUID)
  },
)

test('a task keeps the request that made it', async () => {
  const { post, house } = await setup()
  const traced = { 'x-request-id': 'order-17', traceparent: TRACEPARENT }
  const { body } = await post('/held', {}, traced)
  expect(house.intake.recorder.live(body['task_id'] as string)?.trace).toEqual({
    requestId: 'order-17',
    traceparent: TRACEPARENT,
  })
  const bad = await post('/held', {}, { ...traced, traceparent: '00-0-0-0' })
  expect(house.intake.recorder.live(bad.body['task_id'] as string)?.trace?.traceparent).toBeNull()
})
