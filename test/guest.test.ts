import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { createApplication } from '../examples/host-application.ts'
import { headgate } from '../src/index.ts'
import { clientOf } from './support/server.ts'

/** The application of examples/, as it is. */
async function setup() {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-guest-'))
  const app = await createApplication(dataDir)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const as = (user: string) => clientOf(`${url}/jobs`, { cookie: `session=${user}` })
  return { app, url, ws: url.replace('http', 'ws'), as, get: clientOf(url).get }
}

test('the host keeps its compilers, its errors, its unknown pages and its WebSocket', async () => {
  const { get, ws } = await setup()
  expect((await get('/')).text).toBe('{"host":{"page":"front"}}')
  expect(await get('/broken')).toMatchObject({ status: 500, text: 'the host is sorry' })
  expect(await get('/nothing')).toMatchObject({ status: 404, text: 'the host has no such page' })
  const chat = new WebSocket(`${ws}/chat`)
  await once(chat, 'open')
  chat.send('hello')
  const [message] = (await once(chat, 'message')) as [Buffer]
  expect(message.toString()).toBe('you said hello')
  chat.terminate()
})

test('the guest has its own, beside them', async () => {
  const { as } = await setup()
  const ann = as('ann')
  expect((await ann.get('/nothing')).body).toMatchObject({ status: 404, error_type: 'not_found' })
  expect((await ann.post('/print-poster', { text: 5 })).body).toMatchObject({
    status: 422,
    error_type: 'validation',
  })
  expect((await ann.post('/print-poster', { text: 'hi', more: 1 })).status).toBe(422)
  const { body } = await ann.post('/print-poster?priority=HIGH', { text: 'open today' })
  expect(body['urls'].self).toBe(`/jobs/api/tasks/${body['task_id']}`)
  expect((await ann.ended(body['task_id']))['result']).toEqual({ poster: '*** OPEN TODAY ***' })
})

test('a task is watched over the WebSocket plugin of the host, and as an event stream', async () => {
  const { as, ws, url } = await setup()
  const { body } = await as('ann').post('/print-poster', { text: 'x' })
  const socket = new WebSocket(ws + body['urls'].ws, { headers: { cookie: 'session=ann' } })
  const types: string[] = []
  socket.on('message', (data: Buffer) => types.push((JSON.parse(data.toString()) as { type: string }).type))
  const [code] = (await once(socket, 'close')) as [number]
  expect([code, types.at(0), types.at(-1)]).toEqual([1000, 'snapshot', 'result'])
  const stream = await fetch(url + body['urls'].events, { headers: { cookie: 'session=ann' } })
  expect(await stream.text()).toContain('"type":"result"')
})

test('the users of the host are the callers: others’ tasks are unknown, an operator sees all', async () => {
  const { as } = await setup()
  const { body } = await as('ann').post('/print-poster', { text: 'mine' })
  const path = `/api/tasks/${body['task_id']}`
  const statuses = await Promise.all(
    ['ann', 'ben', 'eve', 'nobody'].map(async (who) => (await as(who).get(path)).status),
  )
  expect(statuses).toEqual([200, 404, 200, 401])
  expect((await as('ben').post('/print-poster?priority=HIGH', { text: 'x' })).status).toBe(403)
})

test('its description carries the prefix, and its page is served', async () => {
  const { as } = await setup()
  const { body } = await as('nobody').get('/openapi.json')
  expect(body['servers']).toEqual([{ url: '/jobs' }])
  expect(Object.keys(body['paths'])).toContain('/print-poster')
  const page = await as('nobody').get('/docs')
  expect(page.text).toContain('src="/jobs/docs/swagger-ui-bundle.js"')
  expect((await as('nobody').get('/docs/swagger-ui.css')).status).toBe(200)
})

test('uploads work where the host takes none', async () => {
  const { as } = await setup()
  const { status } = await as('ann').upload('/analyze-document', 'A sentence of a text that is long enough.')
  expect(status).toBe(202)
})

test('without callers and tokens only this machine is served, whatever the host listens on', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-guest-'))
  const app = Fastify()
  await app.register(headgate, { prefix: '/jobs', settings: { DATA_DIR: dataDir } })
  onTestFinished(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const from = async (remoteAddress: string, host = 'localhost') =>
    (await app.inject({ url: '/jobs/api/tasks', remoteAddress, headers: { host } })).statusCode
  expect([await from('127.0.0.1'), await from('::1'), await from('192.0.2.7')]).toEqual([200, 200, 401])
  expect(await from('127.0.0.1', 'evil.example')).toBe(403)
})

test.each([
  [{ name: 'ann', role: 'king', maxPriority: 3 }, 500],
  [{ name: 'ann' }, 500],
  [{ name: '', role: 'caller', maxPriority: 3 }, 500],
  [{ name: 'ann', role: 'caller', maxPriority: 'LOW' }, 200],
  [undefined, 401],
  [Promise.resolve({ name: 'ann', role: 'caller', maxPriority: 1 }), 200],
])('the caller %j of a host gets %d', async (caller, status) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-guest-'))
  const app = Fastify()
  const settings = { DATA_DIR: dataDir, HOST: '0.0.0.0' }
  await app.register(headgate, { prefix: '/jobs', settings, callerOf: () => caller as never })
  onTestFinished(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  expect((await app.inject('/jobs/api/tasks')).statusCode).toBe(status)
})

interface Leaving {
  readonly headers?: Record<string, string>
  readonly afterMs?: number
}

/**
 * Opens a stream and leaves it soon; the status, if it had come. By a connection of its own: fetch opens another one
 * in place of what is cut off, and the server waits for its first request for a minute before it is closed.
 */
async function leaveSoon(
  url: string,
  { headers = {}, afterMs = 30 }: Leaving = {},
): Promise<number | undefined> {
  let status: number | undefined
  const request = get(url, { headers, agent: false }, ({ statusCode }) => (status = statusCode))
  request.on('error', () => undefined)
  const timer = setTimeout(() => request.destroy(), afterMs)
  await new Promise((resolve) => request.once('close', resolve))
  clearTimeout(timer)
  return status
}

test('a ticket opens a stream of the host’s user, and a place that was never used is given back', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-guest-'))
  const app = Fastify()
  const callerOf = async ({ headers }: { headers: Record<string, unknown> }) => {
    await new Promise((resolve) => setTimeout(resolve, 100))
    return headers['x-user'] === undefined
      ? null
      : ({ name: 'local', role: 'caller', maxPriority: 3 } as const)
  }
  const settings = { DATA_DIR: dataDir, MAX_STREAMS_PER_CALLER: 3, MAX_CONCURRENT_ANALYSIS_TASKS: 0 }
  await app.register(headgate, { prefix: '/jobs', settings, callerOf })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const user = clientOf(url, { 'x-user': 'ann' })
  const { body } = await user.post('/jobs/summarize', { text: 'A text.' })
  const { body: ticket } = await user.post(`/jobs/api/tasks/${body['task_id']}/ticket`)
  for (let index = 0; index < 10; index += 1) {
    await leaveSoon(url + ticket['urls'].events)
    await leaveSoon(url + body['urls'].events, { headers: { 'x-user': 'ann' } })
  }
  // Those that left are noticed when it is known who they were.
  await expect
    .poll(() => leaveSoon(url + ticket['urls'].events, { afterMs: 300 }), { timeout: 5000 })
    .toBe(200)
})

test('beside a WebSocket plugin that it cannot reach it refuses to start, and names a fix', async () => {
  const app = Fastify()
  await app.register(async (inner) => {
    await inner.register(websocket)
  })
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-guest-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const settings = { DATA_DIR: dataDir }
  await expect(app.register(headgate, { prefix: '/jobs', settings })).rejects.toThrow(
    'Register @fastify/websocket on the same instance',
  )
  // The host continues without it, and the journal is free.
  const other = Fastify()
  await other.register(headgate, { prefix: '/jobs', settings })
  await other.close()
})
