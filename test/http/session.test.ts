import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { z } from 'zod'
import { Sessions, SESSION_SECONDS } from '../../src/auth/sessions.ts'
import { newTicketSecret, Tickets } from '../../src/auth/tickets.ts'
import { TokenStore } from '../../src/auth/token-store.ts'
import { defineTask } from '../../src/handler/define-task.ts'
import { pino } from 'pino'
import { startServer, tokenFor } from '../support/server.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const echo = defineTask({
  type: 'echo',
  input: z.object({
    text: z.string().meta({ description: 'What comes back.' }),
    times: z.number().default(1),
  }),
  output: z.string(),
  run: ({ text }) => text,
})
const file = defineTask({
  type: 'file',
  input: z.object({}),
  upload: { accept: ['text/plain'], maxBytes: 1000 },
  run: () => 'done',
})

async function setup() {
  const [ann, ben] = [tokenFor('ann', { maxPriority: 2 }), tokenFor('ben')]
  const lines: string[] = []
  const log = { level: 'debug', write: (line: string) => void lines.push(line) } as const
  const tokens = [ann.record, ben.record]
  const server = await startServer({ tasks: [echo, file], settings: { tokens }, log })
  const logIn = async (token = ann.token) => {
    const reply = await server.post('/api/session', { token })
    const setCookie = reply.headers.get('set-cookie') ?? ''
    return { ...reply, setCookie, cookie: setCookie.split(';')[0] ?? '' }
  }
  const own = { origin: server.url }
  return { ...server, ann, ben, lines, logIn, own }
}

test('a browser logs in once, is known by its cookie, and logs out', async () => {
  const { logIn, get, post, read, url, ann, own, lines } = await setup()
  const { status, setCookie, cookie } = await logIn()
  expect(status).toBe(204)
  expect(setCookie).toMatch(/^headgate-\d+-[0-9a-f]{8}=/)
  expect(setCookie).toContain('; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict')
  expect(setCookie).not.toContain('Secure')
  expect(setCookie).not.toContain(ann.token)
  const me = await get('/api/session', { cookie })
  expect(me.body).toMatchObject({ name: 'ann', role: 'caller', max_priority: 2, is_session: true })
  const types = me.body['types'] as { type: string }[]
  expect(types.find(({ type }) => type === 'echo')).toEqual({
    type: 'echo',
    description: null,
    input: {
      type: 'object',
      properties: {
        text: { type: 'string', description: 'What comes back.' },
        times: { type: 'number', default: 1 },
      },
      required: ['text'],
      additionalProperties: false,
    },
    output: { type: 'string' },
    upload: null,
    formats: ['json'],
  })
  expect(types.find(({ type }) => type === 'file')).toMatchObject({
    upload: { accept: ['text/plain'], max_bytes: 1000 },
  })
  const submitted = await post('/echo', { text: 'a' }, { cookie, ...own })
  expect(submitted.status).toBe(202)
  expect((await get(submitted.body['urls'].self, { cookie })).status).toBe(200)
  expect((await get('/api/session', ann.headers)).body).toMatchObject({ name: 'ann', is_session: false })
  const out = await read(await fetch(`${url}/api/session`, { method: 'DELETE', headers: { cookie, ...own } }))
  expect([out.status, out.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')])
  expect(lines.join('')).not.toContain(ann.token)
  expect(lines.join('')).not.toContain(cookie.split('=')[1])
})

test('a wrong token, and what is not JSON, begins no session; an address has ten tries a minute', async () => {
  const { logIn, post, read, url } = await setup()
  const wrong = await logIn('hg_wrong')
  expect([wrong.status, wrong.body['error_type'], wrong.setCookie]).toEqual([401, 'unauthorized', ''])
  const form = await fetch(`${url}/api/session`, {
    method: 'POST',
    body: new URLSearchParams({ token: 'x' }),
  })
  expect((await read(form)).status).toBe(415)
  expect((await post('/api/session', { token: '' })).status).toBe(422)
  const replies = await Promise.all(Array.from({ length: 12 }, () => logIn('hg_wrong')))
  expect(replies.filter(({ status }) => status === 429).length).toBeGreaterThanOrEqual(2)
  expect(replies.find(({ status }) => status === 429)?.headers.get('retry-after')).toMatch(/^\d+$/)
})

const FOREIGN = { origin: 'https://evil.example' }
const SITES = ['cross-site', 'same-site', 'none']

test('a request with the cookie alone changes nothing unless a page of this server makes it', async () => {
  const { logIn, post, get, read, url, ws, own } = await setup()
  const { cookie } = await logIn()
  const forged: Record<string, string>[] = [
    {},
    FOREIGN,
    { origin: 'null' },
    { origin: url.replace('127.0.0.1', 'localhost') },
    { origin: url.replace(/:\d+$/, ':1') },
    { ...FOREIGN, 'sec-fetch-site': 'same-origin' },
    ...SITES.map((site) => ({ 'sec-fetch-site': site })),
  ]
  for (const headers of forged) {
    const name = JSON.stringify(headers)
    const submit = await post('/echo', { text: 'a' }, { cookie, ...headers })
    expect([submit.status, submit.body['error_type']], name).toEqual([403, 'cross_site'])
    const simple = await fetch(`${url}/echo`, {
      method: 'POST',
      headers: { cookie, 'content-type': 'text/plain', ...headers },
      body: '{"text":"a"}',
    })
    expect([simple.status, (await read(simple)).body['error_type']], name).toEqual([403, 'cross_site'])
    const out = await fetch(`${url}/api/session`, { method: 'DELETE', headers: { cookie, ...headers } })
    expect(out.status, name).toBe(403)
    const socket = new WebSocket(`${ws}/api/ws`, { headers: { cookie, ...headers } })
    socket.on('error', () => undefined)
    const [, reply] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(reply.statusCode, name).toBe(403)
    socket.terminate()
  }
  expect((await get('/api/tasks', { cookie })).body['tasks']).toEqual([])
  for (const headers of [own, { 'sec-fetch-site': 'same-origin' }]) {
    expect((await post('/echo', { text: 'a' }, { cookie, ...headers })).status).toBe(202)
  }
  const socket = new WebSocket(`${ws}/api/ws`, { headers: { cookie, ...own } })
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
})

test('a cookie of another server, or one that was changed, is none', async () => {
  const { logIn, get, post, own } = await setup()
  const other = await setup()
  const { cookie } = await logIn()
  const foreign = await other.logIn(other.ann.token)
  const [name = '', value = ''] = cookie.split('=')
  const renamed = `${name}=${foreign.cookie.split('=')[1]}`
  for (const bad of [
    foreign.cookie,
    renamed,
    `${name}=`,
    `${name}=a.b`,
    `${name}=${value.slice(0, -3)}AAA`,
  ]) {
    expect((await get('/api/session', { cookie: bad })).status, bad).toBe(401)
    expect((await post('/echo', { text: 'a' }, { cookie: bad, ...own })).status, bad).toBe(401)
  }
  expect(foreign.cookie.split('=')[0]).not.toBe(name)
})

test('a session ends with its token, in time, and is no ticket', () => {
  const clock = new VirtualClock()
  const [ann, other] = [tokenFor('ann', { expiresAt: clock.now() + 3_600_000 }), tokenFor('ann')]
  const log = pino({ level: 'silent' })
  const callers = new TokenStore({
    file: '/nowhere/tokens.json',
    fixed: [ann.record, other.record],
    clock,
    log,
  })
  const secret = newTicketSecret()
  const sessions = new Sessions(secret, { callers, clock })
  const [short, long] = [sessions.issue(ann.token) ?? '', sessions.issue(other.token) ?? '']
  expect(sessions.issue('hg_unknown')).toBeUndefined()
  expect(new Tickets(secret).read(short)).toBeUndefined()
  expect(
    sessions.read(
      new Tickets(secret).issue({ taskId: 'a', callerName: 'ann', role: 'operator', mayCancel: true }),
    ),
  ).toBeUndefined()
  expect(sessions.read(short)).toMatchObject({ name: 'ann' })
  clock.advance(3_600_000)
  expect(sessions.read(short)).toBeUndefined()
  expect(sessions.read(long)).toMatchObject({ name: 'ann' })
  clock.advance(SESSION_SECONDS * 1000 - 3_600_000)
  expect(sessions.read(long)).toBeUndefined()
})

test('below a prefix, and over https behind a trusted proxy, the cookie is bound to both', async () => {
  const ann = tokenFor('ann')
  const { post } = await startServer({
    tasks: [echo],
    settings: { tokens: [ann.record], basePath: '/queue', trustProxy: ['127.0.0.1'] },
  })
  const proxied = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'example.com' }
  const reply = await post('/api/session', { token: ann.token }, proxied)
  const setCookie = reply.headers.get('set-cookie') ?? ''
  expect(setCookie).toMatch(
    /^headgate-default-[0-9a-f]{8}=.*; Path=\/queue\/; HttpOnly; Secure; SameSite=Strict/,
  )
  const plain = (await post('/api/session', { token: ann.token })).headers.get('set-cookie') ?? ''
  expect(plain).not.toContain('Secure')
})

test('without tokens everybody on this machine has the session of the operator', async () => {
  const { get } = await startServer({ tasks: [echo] })
  expect((await get('/api/session')).body).toMatchObject({
    name: 'local',
    role: 'operator',
    is_session: false,
  })
})
