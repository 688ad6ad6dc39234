import Fastify, { type FastifyInstance } from 'fastify'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { defineTask, headgate } from '../src/index.ts'
import { clientOf, type Json } from './support/server.ts'

const nap = defineTask({
  type: 'nap',
  input: z.object({ ms: z.number().default(0) }),
  run: async ({ ms }) => {
    await new Promise((resolve) => setTimeout(resolve, ms))
    return 'done'
  },
})
const upload = defineTask({
  type: 'file-size',
  input: z.object({}),
  upload: { accept: ['text/plain'], maxBytes: 1_000_000, suggestion: 'Send plain text.' },
  run: (_input, ctx) => ctx.upload?.bytes,
})

/** Headgate in a host that was made with options of its own. */
async function setup(app: FastifyInstance): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-guest-'))
  onTestFinished(async () => {
    await app.close()
    await rm(dataDir, { recursive: true, force: true })
  })
  const settings = { JOURNAL: 'memory', DATA_DIR: dataDir }
  await app.register(headgate, { prefix: '/jobs', tasks: [nap, upload], builtins: false, settings })
  return app.listen({ host: '127.0.0.1', port: 0 })
}

interface Reply {
  readonly status: number
  readonly text: string
}

async function send(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body = ''): Promise<Reply> {
  const stream = session.request(headers, { endStream: body === '' }).setEncoding('utf8')
  if (body !== '') stream.end(body)
  let text = ''
  stream.on('data', (chunk: string) => (text += chunk))
  const [answered] = await Promise.all([once(stream, 'response'), once(stream, 'end')])
  return { status: Number((answered[0] as Record<string, unknown>)[':status']), text }
}

const form = (content: string) =>
  `--B\r\ncontent-disposition: form-data; name="file"; filename="a.txt"\r\n\r\n${content}\r\n--B--\r\n`

test('a host of HTTP/2 has tasks, streams and uploads, and is closed though an upload was refused', async () => {
  // Of an application for Node's http2 module; what the plugin does not use of it differs.
  const app = Fastify({ http2: true }) as unknown as FastifyInstance
  const session = connect(await setup(app))
  onTestFinished(() => session.destroy())
  const json = { ':method': 'POST', ':path': '/jobs/nap', 'content-type': 'application/json' }
  const submitted = await send(session, json, '{"ms":200}')
  expect(submitted.status).toBe(202)
  const { urls } = JSON.parse(submitted.text) as Json
  expect((await send(session, { ':path': urls.events })).text).toContain('"type":"result"')

  const multipart = { ':method': 'POST', ':path': '/jobs/file-size', prefer: 'wait=30' }
  const type = { 'content-type': 'multipart/form-data; boundary=B' }
  const done = await send(session, { ...multipart, ...type }, form('hello'))
  expect(JSON.parse(done.text)).toMatchObject({ result: 5 })
  expect((await send(session, { ...multipart, ...type }, form('x'.repeat(3e6)))).status).toBe(413)
  // With the session still open.
  await app.close()
})

test('without tokens a host of HTTP/2 serves no page whose name was rebound to this machine', async () => {
  const session = connect(await setup(Fastify({ http2: true }) as unknown as FastifyInstance))
  onTestFinished(() => session.destroy())
  const as = (authority: string) => send(session, { ':path': '/jobs/api/tasks', ':authority': authority })
  expect((await as('localhost:3000')).status).toBe(200)
  expect((await as('evil.example')).status).toBe(403)
})

test('in a host that ignores trailing slashes the dashboard is no redirect to itself', async () => {
  const { get } = clientOf(await setup(Fastify({ routerOptions: { ignoreTrailingSlash: true } })))
  const { status, headers } = await get('/jobs/ui/')
  expect([status, headers.get('location')]).toEqual([200, null])
})

test('the time limit of a host for its handlers cuts off no stream', async () => {
  const options = { handlerTimeout: 300 } as object
  const url = await setup(Fastify(options))
  const { body } = await clientOf(url).post('/jobs/nap', { ms: 1000 })
  const stream = await fetch(url + body['urls'].events)
  expect(await stream.text()).toContain('"type":"result"')
})
