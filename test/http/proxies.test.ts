import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { startServer, tokenFor, type Json } from '../support/server.ts'
import { heldType } from '../support/types.ts'

/** Requests with any Host, which fetch does not let one set. */
async function setup(settings: Json) {
  const { definition, held } = heldType()
  // Without tokens it answers to the names of this machine alone.
  const { record, headers: own } = tokenFor('ann')
  const server = await startServer({ tasks: [definition], settings: { tokens: [record], ...settings } })
  const send = (method: string, path: string, headers: Record<string, string>) =>
    new Promise<{ status: number | undefined; body: Json }>((resolve, reject) => {
      const sent = request(server.url + path, {
        method,
        headers: { 'content-type': 'application/json', ...own, ...headers },
      })
      sent.once('error', reject)
      sent.once('response', (reply) => {
        void text(reply).then((content) => {
          const isJson = reply.headers['content-type']?.includes('json') === true
          resolve({ status: reply.statusCode, body: isJson ? (JSON.parse(content) as Json) : {} })
        }, reject)
      })
      sent.end(method === 'POST' ? '{}' : undefined)
    })
  return { ...server, own, send, held }
}

const TRUSTED = { trustProxy: ['127.0.0.1'] }

test.each([
  ['the name in another case', { host: 'Jobs.Example.com', origin: 'https://jobs.example.com' }],
  ['the default port of https', { host: 'jobs.example.com:443', origin: 'https://jobs.example.com' }],
  ['the default port of http', { host: 'jobs.example.com', origin: 'http://jobs.example.com:80' }],
  [
    'a list of proxies, the client side first',
    { host: 'inner', 'x-forwarded-host': 'jobs.example.com, inner', origin: 'https://jobs.example.com' },
  ],
])('a page of this server is known by its name: %s', async (_name, headers) => {
  const { send } = await setup(TRUSTED)
  expect((await send('POST', '/held', headers)).status).toBe(202)
})

test.each([
  ['another name', { host: 'jobs.example.com', origin: 'https://evil.example.com' }],
  ['another port', { host: 'jobs.example.com', origin: 'https://jobs.example.com:8443' }],
  ['no name', { host: 'jobs.example.com', origin: 'null' }],
])('a page of somebody else is refused: %s', async (_name, headers) => {
  const { send } = await setup(TRUSTED)
  expect((await send('POST', '/held', headers)).body['error_type']).toBe('forbidden')
})

test('the host that an untrusted proxy names is not believed', async () => {
  const { send } = await setup({})
  const headers = { 'x-forwarded-host': 'evil.example.com', origin: 'https://evil.example.com' }
  expect((await send('POST', '/held', headers)).status).toBe(403)
})

test('a trusted proxy names the path below which it serves the server below', async () => {
  const { send } = await setup(TRUSTED)
  const { body } = await send('POST', '/held', { 'x-forwarded-prefix': '/jobs/' })
  expect(body['urls'].self).toBe(`/jobs/api/tasks/${body['task_id']}`)
  const read = await send('GET', `/api/tasks/${body['task_id']}`, { 'x-forwarded-prefix': '/jobs' })
  expect(read.body['urls'].events).toBe(`/jobs/api/tasks/${body['task_id']}/stream`)
  const description = await send('GET', '/openapi.json', { 'x-forwarded-prefix': '/jobs' })
  expect(description.body['servers']).toEqual([{ url: '/jobs' }])
})

test.each(['//evil.example.com', 'https://evil.example.com', '/a/../b?', '/"><script>'])(
  'what is no path is not taken for one: %s',
  async (prefix) => {
    const { send } = await setup(TRUSTED)
    const { body } = await send('POST', '/held', { 'x-forwarded-prefix': prefix })
    expect(body['urls'].self).toBe(`/api/tasks/${body['task_id']}`)
  },
)

test('a client names no path for itself', async () => {
  const { send } = await setup({})
  const { body } = await send('POST', '/held', { 'x-forwarded-prefix': '/jobs' })
  expect(body['urls'].self).toBe(`/api/tasks/${body['task_id']}`)
})

test('below a base path the server is reached with the path and without', async () => {
  const { send, ws, own } = await setup({ basePath: '/jobs' })
  for (const path of ['/jobs/held', '/held']) {
    const { status, body } = await send('POST', path, {})
    expect([status, body['urls'].self]).toEqual([202, `/jobs/api/tasks/${body['task_id']}`])
    expect((await send('GET', body['urls'].self, {})).status).toBe(200)
    const socket = new WebSocket(ws + body['urls'].ws, { headers: own })
    const first = await new Promise<string>((resolve, reject) => {
      socket.once('message', (frame: Buffer) => resolve(frame.toString()))
      socket.once('error', reject)
    })
    socket.terminate()
    expect((JSON.parse(first) as Json)['task'].urls.self).toBe(body['urls'].self)
  }
  expect((await send('GET', '/jobs/docs', {})).status).toBe(200)
  expect((await send('GET', '/jobsheet/held', {})).status).toBe(404)
})

test('two proxies with different paths each read their own addresses in the events of one task', async () => {
  const { send, url, own, held } = await setup(TRUSTED)
  const { body } = await send('POST', '/held', {})
  await expect.poll(() => held.length).toBe(1)
  held[0]?.end()
  for (const prefix of ['/jobs', '/work', '']) {
    const headers = { ...own, ...(prefix === '' ? {} : { 'x-forwarded-prefix': prefix }) }
    const text = await (await fetch(`${url}/api/tasks/${body['task_id']}/stream`, { headers })).text()
    expect(text).toContain(`"result_url":"${prefix}/api/tasks/${body['task_id']}/result"`)
  }
})
