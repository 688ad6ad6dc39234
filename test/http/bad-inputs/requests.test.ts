import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { check, setup, type Given, type Row } from '../../support/bad-input.ts'

const head = (given: Given, first: string, lines: readonly string[] = []) =>
  [first, 'host: 127.0.0.1', `authorization: Bearer ${given.token}`, ...lines, '', ''].join('\r\n')

/** What any route may be sent (I1 to I16), and connections that are none (N9, N12, N13). */
const ROWS: Row[] = [
  ['I1', 'no token', ({ url }) => reply(fetch(`${url}/api/tasks`)), 'unauthorized'],
  ['I2', 'an empty token', ({ get }) => get('/api/tasks', { authorization: 'Bearer ' }), 'unauthorized'],
  [
    'I3',
    'a token of 1 MB',
    ({ raw }) =>
      raw(
        `GET /api/tasks HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${'a'.repeat(1_000_000)}\r\n\r\n`,
      ),
    'headers-too-large',
  ],
  [
    'I4',
    'a scheme in capitals',
    ({ get, token }) => get('/api/tasks', { authorization: `BEARER ${token}` }),
    200,
  ],
  [
    'I5',
    'two Authorization headers',
    (given) => given.raw(head(given, 'GET /api/tasks HTTP/1.1', ['authorization: Bearer x'])),
    'unauthorized',
  ],
  [
    'I6',
    'a token with a NUL',
    ({ raw }) => raw('GET /api/tasks HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\0b\r\n\r\n'),
    'bad-request',
  ],
  [
    'I6',
    'a token over two lines',
    ({ raw }) => raw('GET /api/tasks HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer a\r\n b\r\n\r\n'),
    'bad-request',
  ],
  [
    'I6',
    'a token with a space inside',
    ({ get }) => get('/api/tasks', { authorization: 'Bearer a b' }),
    'unauthorized',
  ],
  [
    'I10',
    'a path that climbs',
    (given) => given.raw(head(given, 'GET /api/tasks/..%2f..%2fetc%2fpasswd HTTP/1.1')),
    'task-not-found',
  ],
  ['I10', 'a path with a NUL', ({ get }) => get('/api/tasks/%00'), 'task-not-found'],
  ['I10', 'a doubled slash', ({ get }) => get('//api//tasks'), 'not-found'],
  ['I10', 'a semicolon', ({ get }) => get('/api/tasks;x=1'), 'not-found'],
  ['I10', 'a broken escape', (given) => given.raw(head(given, 'GET /api/tasks/% HTTP/1.1')), 'bad-request'],
  [
    'I10',
    'a broken UTF-8 escape',
    (given) => given.raw(head(given, 'GET /api/tasks/%ff%fe HTTP/1.1')),
    'bad-request',
  ],
  ['I11', 'TRACE', (given) => given.raw(head(given, 'TRACE /api/tasks HTTP/1.1')), 'method-not-allowed'],
  [
    'I11',
    'CONNECT',
    (given) => given.raw(head(given, 'CONNECT example.com:443 HTTP/1.1')),
    'method-not-allowed',
  ],
  [
    'I11',
    'PROPFIND',
    (given) => given.raw(head(given, 'PROPFIND /api/tasks HTTP/1.1')),
    'method-not-allowed',
  ],
  [
    'I11',
    'PUT',
    (given) => given.raw(head(given, 'PUT /api/tasks HTTP/1.1', ['content-length: 0'])),
    'method-not-allowed',
  ],
  [
    'I11',
    'PUT of a task',
    (given) => given.raw(head(given, `PUT /api/tasks/${given.ids.running} HTTP/1.1`)),
    'method-not-allowed',
  ],
  ['I11', 'GET where POST is taken', ({ get }) => get('/summarize'), 'method-not-allowed'],
  [
    'I11',
    'a method that is none',
    (given) => given.raw(head(given, 'FOO /api/tasks HTTP/1.1')),
    'bad-request',
  ],
  [
    'I12',
    'a header of 9 KB',
    (given) => given.raw(head(given, 'GET /api/tasks HTTP/1.1', [`x: ${'a'.repeat(9000)}`])),
    'headers-too-large',
  ],
  [
    'I12',
    '200 headers',
    (given) =>
      given.raw(
        head(
          given,
          'GET /api/tasks HTTP/1.1',
          Array.from({ length: 200 }, (_, index) => `x${index}: 1`),
        ),
      ),
    'headers-too-large',
  ],
  ['I13', 'no host', ({ raw }) => raw('GET /api/queue/stats HTTP/1.1\r\n\r\n'), 'bad-request'],
  ['I13', 'HTTP/1.0 without a host', ({ raw }) => raw('GET /api/queue/stats HTTP/1.0\r\n\r\n'), 200],
  [
    'I13',
    'two hosts',
    (given) => given.raw(head(given, 'GET /api/queue/stats HTTP/1.1', ['host: other'])),
    'bad-request',
  ],
  ['I14', 'a forged X-Forwarded-For', ({ get }) => get('/api/tasks', { 'x-forwarded-for': '10.0.0.1' }), 200],
  [
    'I15',
    'an address of 20 KB',
    ({ raw }) => raw(`GET /api/tasks?type=${'a'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`),
    'headers-too-large',
  ],
  ['I16', '__proto__ in a query', ({ get }) => get('/api/tasks?__proto__=1'), 'validation'],
  ['I16', 'constructor in a query', ({ get }) => get('/api/tasks?constructor=1'), 'validation'],
  ['I16', 'the same parameter twice', ({ get }) => get('/api/tasks?limit=1&limit=2'), 'validation'],
  ['I72', 'an Accept that is nonsense', ({ get }) => get('/api/tasks', { accept: '*/*;q=-1' }), 200],
  ['I79', 'a thousand parameters', ({ get }) => get(`/api/queue/stats?${'x=1&'.repeat(1000)}`), 'validation'],
  ['I80', 'metrics, by one who is no operator', ({ get }) => get('/metrics'), 'forbidden'],
  [
    'N12',
    'a length and a chunked body',
    (given) =>
      given.raw(
        `${head(given, 'POST /held HTTP/1.1', ['content-type: application/json', 'content-length: 2', 'transfer-encoding: chunked'])}0\r\n\r\n`,
      ),
    'bad-request',
  ],
  [
    'N12',
    'two lengths',
    (given) =>
      given.raw(`${head(given, 'POST /held HTTP/1.1', ['content-length: 2', 'content-length: 3'])}{}`),
    'bad-request',
  ],
  [
    'N12',
    'a broken chunk',
    (given) =>
      given.raw(
        `${head(given, 'POST /held HTTP/1.1', ['content-type: application/json', 'transfer-encoding: chunked'])}zz\r\n{}\r\n0\r\n\r\n`,
      ),
    'bad-request',
  ],
  [
    'N12',
    'an unknown transfer coding',
    (given) => given.raw(`${head(given, 'POST /held HTTP/1.1', ['transfer-encoding: xchunked'])}{}`),
    'bad-request',
  ],
  [
    'N12',
    'bare line feeds in a header',
    ({ raw }) => raw('GET /api/queue/stats HTTP/1.1\nhost: localhost\nx: a\rb\n\n'),
    'bad-request',
  ],
  ['N13', 'the preface of HTTP/2', ({ raw }) => raw('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'bad-request'],
  ['N13', 'nonsense', ({ raw }) => raw('\x16\x03\x01\x02\x00 hello\r\n\r\n'), 'bad-request'],
]

test.each(ROWS)('%s, %s', async (_id, _name, send, answer) => {
  check(await send(await setup()), answer)
})

test('a thousand requests in one go on one connection are each answered', async () => {
  const { raw, url } = await setup()
  const one = 'GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n'
  await raw(one.repeat(1000))
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
})

test('405 names the methods that the route takes', async () => {
  const { url } = await setup()
  const { headers } = await fetch(`${url}/api/tasks`, { method: 'PUT' })
  expect(headers.get('allow')).toBe('GET, HEAD, POST')
})

test('tunnels that are asked for and broken off at once do no harm', async () => {
  const { url } = await setup()
  for (let index = 0; index < 100; index += 1) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write('CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n', () => socket.resetAndDestroy())
  }
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
})

test.each(['/%zz?x=SECRET', `/api/tasks/${'a'.repeat(500)}SECRET`])(
  'an upgrade at %s is refused, closed, and not repeated',
  async (path) => {
    const { url } = await setup()
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    )
    await once(socket, 'close')
    expect(received).toMatch(/^HTTP\/1.1 400 /)
    expect(received.slice(received.indexOf('detail'), received.indexOf('instance'))).not.toContain('SECRET')
  },
)

test('a request that offers HTTP/2 is answered over HTTP/1.1, with its body', async () => {
  const { raw, token } = await setup()
  const body = '{"n":1}'
  const lines = [
    'POST /held HTTP/1.1',
    'host: localhost',
    `authorization: Bearer ${token}`,
    'connection: upgrade, http2-settings',
    'upgrade: h2c',
    'http2-settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
    'content-type: application/json',
    'content-length: 7',
  ]
  const { status, text } = await raw(`${lines.join('\r\n')}\r\n\r\n${body}`)
  expect([status, text]).toEqual([202, expect.stringContaining('"task_id"')])
})

test('an unknown route is answered before its body comes', async () => {
  const { raw } = await setup()
  const reply = await raw(
    'POST /nope HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{x',
  )
  check(reply, 'not-found')
})

test('an expectation that is not met is a problem with the status 417', async () => {
  const { raw } = await setup()
  const { status, text } = await raw('GET /api/tasks HTTP/1.1\r\nhost: localhost\r\nexpect: cheese\r\n\r\n')
  expect(status).toBe(417)
  expect(JSON.parse(text)).toMatchObject({ status: 417, error_type: 'bad_request' })
})

async function reply(response: Promise<Response>) {
  const { status } = await response
  return { status, text: await (await response).text() }
}
