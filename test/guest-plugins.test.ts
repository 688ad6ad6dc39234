import multipart from '@fastify/multipart'
import rateLimit from '@fastify/rate-limit'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask, headgate, type HeadgateOptions } from '../src/index.ts'
import type { Json } from './support/server.ts'

const nothing = defineTask({ type: 'nothing', input: z.object({}), run: () => 'done' })
const upload = defineTask({
  type: 'file-name',
  input: z.object({ label: z.string() }),
  upload: { accept: ['text/plain'], maxBytes: 1000, suggestion: 'Send plain text.' },
  run: ({ label }, ctx) => `${label}: ${ctx.upload?.name}, ${ctx.upload?.bytes}`,
})

/** A host with plugins and hooks of its own, and Headgate in it. */
async function setup(before: (app: FastifyInstance) => unknown) {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-guest-'))
  const app = Fastify()
  onTestFinished(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  await before(app)
  const settings = { JOURNAL: 'memory', DATA_DIR: dataDir }
  await app.register(headgate, { prefix: '/jobs', tasks: [nothing, upload], builtins: false, settings })
  const post = async (headers: Record<string, string> = {}) => {
    const reply = await app.inject({ method: 'POST', url: '/jobs/nothing', payload: {}, headers })
    return { status: reply.statusCode, headers: reply.headers, body: reply.json<Json>() }
  }
  return { app, post }
}

test('the limit of a host’s @fastify/rate-limit is answered as 429 with Retry-After, not as a failure', async () => {
  const { post } = await setup((app) => app.register(rateLimit, { max: 1, timeWindow: 30_000 }))
  expect((await post()).status).toBe(202)
  const { status, headers, body } = await post()
  expect(status).toBe(429)
  const retryAfter = Number(headers['retry-after'])
  expect(retryAfter).toBeGreaterThan(0)
  expect(body).toMatchObject({ status: 429, error_type: 'rate_limited', retry_after: retryAfter })
})

test.each([
  [400, 400, 'bad_request', 'the host says 400'],
  [401, 401, 'unauthorized', 'The application does not know who calls.'],
  [402, 402, 'bad_request', 'the host says 402'],
  [405, 405, 'method_not_allowed', 'the host says 405'],
  [418, 418, 'bad_request', 'the host says 418'],
  [429, 429, 'rate_limited', 'the host says 429'],
  [500, 500, 'internal', 'The server failed; the reason is in its log.'],
  [503, 503, 'internal', 'The server failed; the reason is in its log.'],
  [200, 500, 'internal', 'The server failed; the reason is in its log.'],
])(
  'what a hook of the host throws with the status %i is answered with %i',
  async (thrown, status, type, detail) => {
    const { post } = await setup((app) =>
      app.addHook('onRequest', async () => {
        throw Object.assign(new Error(`the host says ${thrown}`), { statusCode: thrown })
      }),
    )
    const reply = await post()
    expect(reply.status).toBe(status)
    expect(reply.body).toMatchObject({ status, error_type: type, detail })
  },
)

test.each([true, 'keyValues'] as const)(
  'uploads work in a host whose forms are read into the body (attachFieldsToBody: %s)',
  async (attachFieldsToBody) => {
    const { app } = await setup(async (host) => {
      await host.register(multipart, { attachFieldsToBody })
      host.post('/form', (request) => Object.keys(request.body as object))
    })
    const form = () => {
      const data = new FormData()
      data.append('label', 'a label')
      data.append('file', new Blob(['hello']), 'a.txt')
      return data
    }
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const send = (path: string) =>
      fetch(url + path, { method: 'POST', body: form(), headers: { prefer: 'wait=10' } })
    expect(await (await send('/jobs/file-name')).json()).toMatchObject({ result: 'a label: a.txt, 5' })
    expect(await (await send('/form')).json()).toEqual(['label', 'file'])
  },
)

test('it does not start where @fastify/websocket is registered after it, and names a fix', async () => {
  const { app } = await setup(() => undefined)
  await app.register(websocket)
  await expect(app.ready()).rejects.toThrow('Register @fastify/websocket on the same instance')
})

test('two of them share the @fastify/websocket of the host', async () => {
  const { app, post } = await setup((host) => host.register(websocket))
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-guest-'))
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
  const settings = { DATA_DIR: dataDir }
  await app.register(headgate, { prefix: '/more', tasks: [nothing], builtins: false, settings })
  await app.ready()
  expect((await post()).body['urls'].ws).toMatch(/^\/jobs\/ws\//)
  const reply = await app.inject({ method: 'POST', url: '/more/nothing', payload: {} })
  expect(reply.json<Json>()['urls'].ws).toMatch(/^\/more\/ws\//)
})

test.each([
  { prefix: '/*' },
  { prefix: '/:id' },
  { prefix: '/a/../b' },
  { prefix: 'jobs' },
  { tasks: {} },
  { builtins: 'summarize' },
  { callerOf: 'me' },
])('options that are none are refused by name: %j', async (given) => {
  const app = Fastify()
  onTestFinished(() => app.close())
  const options = { prefix: '/jobs', ...given } as unknown as HeadgateOptions
  const [name = ''] = Object.keys(given)
  await expect(Promise.resolve(app.register(headgate, options))).rejects.toMatchObject({
    code: 'invalid-setting',
    message: expect.stringContaining(name),
  })
})
