import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { startServer, tokenFor, type Json } from '../support/server.ts'
import { heldType } from '../support/types.ts'

/** A server with two callers, an operator, and tokens that are no longer worth anything; ann has a task. */
async function setup(settings: Json = {}) {
  const { definition, held } = heldType()
  const given = {
    ann: tokenFor('ann'),
    ben: tokenFor('ben', { maxPriority: 1 }),
    ops: tokenFor('ops', { role: 'operator' }),
    late: tokenFor('late', { expiresAt: 1 }),
  }
  const tokens = Object.values(given).map(({ record }) => record)
  const server = await startServer({ tasks: [definition], settings: { tokens, ...settings } })
  const [ann, ben, ops] = [given.ann, given.ben, given.ops].map(({ headers }) => server.as(headers))
  if (ann === undefined || ben === undefined || ops === undefined) throw new Error('no callers')
  const { body } = await ann.post('/held')
  return { ...server, given, ann, ben, ops, held, id: body['task_id'] as string }
}

/** How a WebSocket ends that is refused, or closed: the HTTP status, or the close code. */
function endOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { headers })
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    // A socket that is meant to stay answers, and is still open a moment later.
    socket.on('open', () => socket.send('ping'))
    socket.on('message', () => {
      setTimeout(() => {
        resolve(101)
        socket.terminate()
      }, 200)
    })
    socket.on('close', (code) => resolve(code))
    socket.on('error', () => undefined)
  })
}

type Who = 'nobody' | 'empty' | 'basic' | 'unknown' | 'late' | 'ben' | 'ann' | 'ops'
const REFUSED = 401
/** Every route that is about one task: what a stranger, another caller, the owner and an operator get. */
const ROUTES: [method: string, path: string, others: number, own: number][] = [
  ['GET', '/api/tasks/ID', 404, 200],
  ['HEAD', '/api/tasks/ID', 404, 200],
  ['GET', '/api/tasks/ID?wait=1', 404, 200],
  ['GET', '/api/tasks/ID/status', 404, 200],
  ['GET', '/api/tasks/ID/result', 404, 409],
  ['GET', '/api/tasks/ID/stream?after=999', 404, 422],
  ['POST', '/api/tasks/ID/ticket', 404, 201],
  ['POST', '/api/tasks/ID/cancel', 404, 202],
]

test.each(ROUTES)(
  '%s %s: 401 without a token, 404 for another caller, and the task for its own',
  async (method, path, others, own) => {
    const { url, ann, given, id } = await setup()
    const headersOf: Record<Who, Record<string, string>> = {
      nobody: {},
      empty: { authorization: 'Bearer ' },
      basic: { authorization: 'Basic YW5uOmFubg==' },
      unknown: { authorization: 'Bearer hg_unknown' },
      late: given.late.headers,
      ben: given.ben.headers,
      ann: given.ann.headers,
      ops: given.ops.headers,
    }
    const statusFor = async (who: Who) =>
      (await fetch(url + path.replace('ID', id), { method, headers: headersOf[who] })).status
    const statuses: Partial<Record<Who, number>> = {}
    for (const who of Object.keys(headersOf) as Who[]) {
      statuses[who] = await statusFor(who)
      // What it has cancelled ends a moment later.
      if (who === 'ann' && path.endsWith('/cancel')) await ann.ended(id)
    }
    expect(statuses).toEqual({
      nobody: REFUSED,
      empty: REFUSED,
      basic: REFUSED,
      unknown: REFUSED,
      late: REFUSED,
      ben: others,
      ann: own,
      // What the owner has cancelled is over.
      ops: path.endsWith('/cancel') ? 409 : own,
    })
  },
)

test('a WebSocket: 401 without a token, 4001 for another caller, open for its own', async () => {
  const { ws, given, id } = await setup()
  expect(await endOf(`${ws}/ws/${id}`)).toBe(401)
  expect(await endOf(`${ws}/ws/${id}`, given.late.headers)).toBe(401)
  expect(await endOf(`${ws}/ws/${id}`, given.ben.headers)).toBe(4001)
  expect(await endOf(`${ws}/ws/${id}`, given.ann.headers)).toBe(101)
  expect(await endOf(`${ws}/ws/${id}`, given.ops.headers)).toBe(101)
  expect(await endOf(`${ws}/api/ws`)).toBe(401)
  expect(await endOf(`${ws}/api/ws`, given.ben.headers)).toBe(101)
})

test('lists and the queue show a caller its own, an operator all', async () => {
  const { ann, ben, ops, id } = await setup()
  const idsOf = async (client: typeof ann) => {
    const { body } = await client.get('/api/tasks')
    return (body['tasks'] as Json[]).map((task) => task['task_id'])
  }
  expect([await idsOf(ann), await idsOf(ben), await idsOf(ops)]).toEqual([[id], [], [id]])
  const seenBy = async (client: typeof ann) =>
    (await client.get('/api/queue/tasks')).body['processing'][0].task_id
  expect([await seenBy(ann), await seenBy(ben), await seenBy(ops)]).toEqual([id, null, id])
})

test('another caller’s task id in a submit connects to nothing', async () => {
  const { ann, ben, id } = await setup()
  expect((await ann.post('/held', { task_id: id })).body['status']).toBe('reconnected')
  expect((await ben.post('/held', { task_id: id })).body['status']).toBe('created')
})

test('a priority above the token’s highest is refused, on every route of submission', async () => {
  const { ben } = await setup()
  for (const reply of [
    await ben.post('/held?priority=HIGH'),
    await ben.post('/api/tasks', { type: 'held', input: {}, priority: 3 }),
    await ben.upload('/analyze-pdf?priority=2', '%PDF-'),
  ]) {
    expect([reply.status, reply.body['error_type']]).toEqual([403, 'forbidden'])
    expect(reply.body['detail']).toBe('The highest priority of this caller is NORMAL.')
  }
  expect((await ben.post('/held?priority=1')).status).toBe(202)
})

test.each([
  '/api/queue/stats',
  '/api/health',
  '/health/live',
  '/health/ready',
  '/openapi.json',
  '/events.schema.json',
  '/docs',
])('%s needs no token', async (path) => {
  expect((await (await setup()).get(path)).status).toBe(200)
})

test('the scheme of the header may be of either case, and 401 names what to send', async () => {
  const { get, given } = await setup()
  expect((await get('/api/tasks', { authorization: `bearer ${given.ann.token}` })).status).toBe(200)
  const refused = await get('/api/tasks')
  expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="headgate"')
  expect(refused.body).toMatchObject({ status: 401, error_type: 'unauthorized' })
})

test('a ticket reads its task and opens its streams, again and again, and nothing else', async () => {
  const { ann, ben, get, url, ws, id } = await setup()
  const { body } = await ann.post(`/api/tasks/${id}/ticket`)
  const query = `?ticket=${body['ticket']}`
  expect(body['urls']).toEqual({
    self: `/api/tasks/${id}${query}`,
    status: `/api/tasks/${id}/status${query}`,
    result: `/api/tasks/${id}/result${query}`,
    events: `/api/tasks/${id}/stream${query}`,
    ws: `/ws/${id}${query}`,
  })
  const origin = { origin: url }
  for (let round = 0; round < 2; round += 1) expect(await endOf(`${ws}${body['urls'].ws}`, origin)).toBe(101)
  const stream = await fetch(url + body['urls'].events)
  expect([stream.status, stream.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
  ])
  await stream.body?.cancel()

  const other = (await ben.post('/held')).body['task_id'] as string
  const reads = ['self', 'status', 'result'].map((name) => get(body['urls'][name]))
  expect((await Promise.all(reads)).map(({ status }) => status)).toEqual([200, 200, 409])
  for (const path of [`/api/tasks/${other}`, `/api/tasks/${other}/result`, `/api/tasks/${other}/stream`]) {
    expect((await get(path + query)).status, path).toBe(401)
  }
  // No parameter of this route at all.
  expect((await get('/api/tasks' + query)).status).toBe(401)
  expect(await endOf(`${ws}/ws/${other}${query}`, origin)).toBe(401)
  expect(await endOf(`${ws}/ws/${id}?ticket=nonsense`, origin)).toBe(401)
  const cancel = await fetch(`${url}/api/tasks/${id}/cancel${query}`, { method: 'POST' })
  expect([cancel.status, ((await cancel.json()) as Json)['error_type']]).toEqual([403, 'forbidden'])
})

test('a ticket cancels when it was asked for with that right, and no other task', async () => {
  const { ann, ben, get, url, id } = await setup()
  const { status, body } = await ann.post(`/api/tasks/${id}/ticket`, { cancel: true })
  expect(status).toBe(201)
  const other = (await ben.post('/held')).body['task_id'] as string
  const query = new URL(body['urls'].cancel, url).search
  const post = (path: string) => fetch(url + path, { method: 'POST' })
  expect((await post(`/api/tasks/${other}/cancel${query}`)).status).toBe(401)
  expect((await post(`/api/tasks/${id}/retry${query}`)).status).toBe(401)
  expect([200, 202]).toContain((await post(body['urls'].cancel)).status)
  await vi.waitFor(async () => expect((await get(body['urls'].self)).body['status']).toBe('cancelled'))
})

test('a ticket ends five minutes after its task', async () => {
  const { ann, get, core, held, id } = await setup()
  const { body } = await ann.post(`/api/tasks/${id}/ticket`)
  held[0]?.end()
  await ann.ended(id)
  expect((await get(body['urls'].events)).status).toBe(200)
  const real = Date.now
  const later = real() + 5 * 60_000 + 1000
  Date.now = () => later
  try {
    expect((await get(body['urls'].events)).status).toBe(401)
  } finally {
    Date.now = real
  }
  expect(core).toBeDefined()
})

test.each([
  ['https://evil.example', 403, 403],
  ['null', 403, 403],
  ['SELF', 202, 101],
  ['https://app.example', 202, 101],
])('a page of %s gets %d for a submit and %d for a WebSocket', async (given, submit, socket) => {
  const { url, ws, as, given: tokens, id } = await setup({ corsOrigins: ['https://app.example'] })
  const headers = { ...tokens.ann.headers, origin: given === 'SELF' ? url : given }
  expect((await as(headers).post('/held')).status).toBe(submit)
  expect(await endOf(`${ws}/ws/${id}`, headers)).toBe(socket)
})

test('a page of an allowed origin may read replies and preflights; another may not', async () => {
  const { url, given } = await setup({ corsOrigins: ['https://app.example'] })
  const preflight = async (origin: string) => {
    const headers = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    }
    const { status, headers: replied } = await fetch(`${url}/held`, { method: 'OPTIONS', headers })
    return [status, replied.get('access-control-allow-origin')]
  }
  expect(await preflight('https://app.example')).toEqual([204, 'https://app.example'])
  expect((await preflight('https://evil.example'))[1]).toBeNull()
  const read = await fetch(`${url}/api/tasks`, {
    headers: { ...given.ann.headers, origin: 'https://app.example' },
  })
  expect(read.headers.get('access-control-allow-origin')).toBe('https://app.example')
  const readable = read.headers.get('access-control-expose-headers')?.split(', ') ?? []
  expect(readable).toEqual(
    expect.arrayContaining(['retry-after', 'location', 'content-disposition', 'x-request-id']),
  )
  const refused = await fetch(`${url}/api/tasks`, { headers: { origin: 'https://app.example' } })
  expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([
    401,
    'https://app.example',
  ])
})

test('without tokens a page of another origin cannot submit, and a rebound name gets nothing', async () => {
  const { url, get, upload, as } = await startServer()
  const form = await as({ origin: 'https://evil.example' }).upload('/analyze-document', 'text', {})
  expect([form.status, form.body['error_type']]).toEqual([403, 'forbidden'])
  expect((await upload('/analyze-document', 'A text.')).status).toBe(202)
  const { request } = await import('node:http')
  const rebound = await new Promise<number | undefined>((resolve) =>
    request(`${url}/api/tasks`, { headers: { host: 'evil.example:8001' } }, (reply) =>
      resolve(reply.statusCode),
    ).end(),
  )
  expect([rebound, (await get('/api/tasks')).status]).toEqual([403, 200])
})

test('a caller who asks too often gets 429 with Retry-After; stats and health stay free', async () => {
  const { ann, ben, get } = await setup({ ratePerMinute: 5 })
  const statuses = []
  for (let index = 0; index < 8; index += 1) statuses.push((await ann.get('/api/tasks')).status)
  // The task of the set-up was one of the five.
  expect(statuses).toEqual([200, 200, 200, 200, 429, 429, 429, 429])
  const refused = await ann.get('/api/tasks')
  expect(refused.body['error_type']).toBe('rate_limited')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await ben.get('/api/tasks')).status).toBe(200)
  for (let index = 0; index < 50; index += 1) expect((await get('/api/queue/stats')).status).toBe(200)
})

test('an address that asks too often is refused before its token is looked at', async () => {
  const { get, ann } = await setup({ addressRatePerMinute: 10 })
  const statuses: number[] = []
  for (let index = 0; index < 12; index += 1)
    statuses.push((await get('/api/tasks', { authorization: 'Bearer x' })).status)
  expect(statuses.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => 401))
  expect(statuses.slice(9)).toEqual([429, 429, 429])
  expect((await ann.get('/api/tasks')).status).toBe(429)
})

test('the streams of one token and of all are bounded; a closed one makes room', async () => {
  const { ws, given, id } = await setup({ maxCallerStreams: 2, maxStreams: 3 })
  const open = async (headers: Record<string, string>) => {
    const socket = new WebSocket(`${ws}/ws/${id}`, { headers })
    return new Promise<WebSocket | number>((resolve) => {
      socket.on('open', () => resolve(socket))
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
      socket.on('error', () => undefined)
    })
  }
  const first = await open(given.ann.headers)
  expect(first).toBeInstanceOf(WebSocket)
  expect(await open(given.ann.headers)).toBeInstanceOf(WebSocket)
  expect(await open(given.ann.headers)).toBe(429)
  expect(await open(given.ops.headers)).toBeInstanceOf(WebSocket)
  expect(await open(given.ops.headers)).toBe(429)
  ;(first as WebSocket).terminate()
  await expect.poll(async () => (await open(given.ann.headers)) instanceof WebSocket).toBe(true)
})

test('a caller who may ask for LOW at most, and asks for nothing, gets LOW', async () => {
  const low = tokenFor('low', { maxPriority: 0 })
  const { definition } = heldType()
  const { as } = await startServer({ tasks: [definition], settings: { tokens: [low.record] } })
  const client = as(low.headers)
  expect((await client.post('/held')).body['priority_name']).toBe('LOW')
  expect((await client.upload('/analyze-document', 'A sentence.')).body['priority_name']).toBe('LOW')
  expect((await client.post('/api/tasks', { type: 'held', input: {} })).body['priority_name']).toBe('LOW')
  expect((await client.post('/held?priority=NORMAL')).status).toBe(403)
})

test('a stream ends soon after the token that opened it, and a socket takes no more orders', async () => {
  const { ws, ann, given, core, id } = await setup()
  const callers = core.callers as unknown as { authenticate: (token: string) => unknown }
  const real = callers.authenticate.bind(callers)
  const many = new WebSocket(`${ws}/api/ws`, { headers: given.ann.headers })
  const one = new WebSocket(`${ws}/ws/${id}`, { headers: given.ann.headers })
  const codes: number[] = []
  for (const socket of [many, one]) {
    socket.on('close', (code) => codes.push(code))
    await new Promise((resolve) => socket.on('open', resolve))
  }
  callers.authenticate = () => undefined
  many.send(JSON.stringify({ op: 'cancel', task_id: id }))
  await expect.poll(() => codes).toEqual([1008])
  // The other one is looked at every 7.5 s.
  await expect.poll(() => codes, { timeout: 20_000 }).toEqual([1008, 1008])
  callers.authenticate = real
  expect((await ann.get(`/api/tasks/${id}`)).body['status']).toBe('running')
})

test('without tokens a trusted proxy’s word on where a request comes from is believed', async () => {
  const { get } = await startServer({ settings: { trustProxy: ['127.0.0.1'] } })
  expect((await get('/api/tasks', { 'x-forwarded-for': '203.0.113.9' })).status).toBe(401)
  expect((await get('/api/tasks')).status).toBe(200)
})

test('every reply has its security headers', async () => {
  const { get, ann, id } = await setup()
  const replies = [
    await get('/api/queue/stats'),
    await get('/nothing'),
    await get('/api/tasks'),
    await ann.get(`/api/tasks/${id}`),
  ]
  for (const { headers } of replies) {
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
  }
})
