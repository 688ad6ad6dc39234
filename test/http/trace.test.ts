import { expect, test } from 'vitest'
import { startServer, tokenFor, type Json } from '../support/server.ts'
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
  const { post, core } = await setup()
  const traced = { 'x-request-id': 'order-17', traceparent: TRACEPARENT }
  const { body } = await post('/held', {}, traced)
  expect(core.lifecycle.live(body['task_id'] as string)?.trace).toEqual({
    requestId: 'order-17',
    traceparent: TRACEPARENT,
  })
  const bad = await post('/held', {}, { ...traced, traceparent: '00-0-0-0' })
  expect(core.lifecycle.live(bad.body['task_id'] as string)?.trace?.traceparent).toBeNull()
})

/** A server with a token whose log is kept. */
async function logged(level: 'debug' | 'info', slots = 0) {
  const texts: string[] = []
  const { record, headers } = tokenFor('ann')
  const server = await startServer({
    tasks: [heldType().definition],
    settings: { tokens: [record], slots, capacity: 1 },
    log: { level, write: (line) => texts.push(line) },
  })
  const lines = (msg: string) => {
    const found = texts.filter((line) => line.includes(`"msg":"${msg}"`))
    // A member that is there twice is read once only.
    for (const line of found) expect(line.match(/"requestId"/g)).toHaveLength(1)
    return found.map((line) => JSON.parse(line) as Json)
  }
  return { ...server, texts, lines, ann: server.as(headers) }
}

test('a refused request is one line at info, with who, what and how', async () => {
  const { post, ann, lines } = await logged('info')
  await post('/held?secret=1', {}, { 'x-request-id': 'stranger' })
  await ann.post('/held')
  await ann.post('/held', {}, { 'x-request-id': 'too-many' })
  await expect.poll(() => lines('request refused')).toHaveLength(2)
  expect(lines('request refused')).toEqual([
    expect.objectContaining({ requestId: 'stranger', status: 401, caller: null, route: '/held', level: 30 }),
    expect.objectContaining({ requestId: 'too-many', status: 503, caller: 'ann', method: 'POST' }),
  ])
  expect(lines('request answered')).toEqual([])
  expect(JSON.stringify(lines('request refused'))).not.toContain('secret')
})

test('every request is one line at debug', async () => {
  const { ann, lines } = await logged('debug')
  await ann.get('/api/queue/stats', { 'x-request-id': 'look' })
  await expect.poll(() => lines('request answered')).toHaveLength(1)
  expect(lines('request answered')[0]).toMatchObject({ requestId: 'look', status: 200, level: 20 })
})

test('the lines of a task are in the log in their order, also where it starts at once', async () => {
  const { ann, texts } = await logged('info', 1)
  const { body } = await ann.post('/held', {}, { 'x-request-id': 'order-17' })
  await ann.post(body['urls'].cancel)
  await ann.ended(body['task_id'])
  const own = () =>
    texts.map((text) => JSON.parse(text) as Json).filter(({ taskId }) => taskId === body['task_id'])
  await expect.poll(() => own().map(({ msg }) => msg)).toEqual(['task queued', 'task started', 'task ended'])
  expect(own()[0]).toMatchObject({ requestId: 'order-17', caller: 'ann', type: 'held', tasksAhead: 0 })
})
