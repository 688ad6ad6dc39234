import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { check, setup, type Row } from '../../support/bad-input.ts'

/** What reading, cancelling and watching may be sent (I66 to I76). */
const ROWS: Row[] = [
  ['I66', 'an id that is none', ({ get }) => get('/api/tasks/nonsense'), 'task-not-found'],
  ['I66', 'an id of 2 KB', ({ get }) => get(`/api/tasks/${'a'.repeat(2000)}`), 'bad-request'],
  ['I66', 'an id of 10 KB', ({ get }) => get(`/api/tasks/${'a'.repeat(10_000)}`), 'headers-too-large'],
  [
    'I67',
    'an unknown id',
    ({ get }) => get('/api/tasks/01a20303-7954-7000-8000-014be0c1b379/result'),
    'task-not-found',
  ],
  ['I67', 'a cancel of nothing', ({ post }) => post('/api/tasks/nonsense/cancel', '{}'), 'task-not-found'],
  [
    'I68',
    'a result before its end',
    ({ get, ids }) => get(`/api/tasks/${ids.running}/result`),
    'task-not-finished',
  ],
  [
    'I69',
    'a thousand ranges',
    ({ get, ids }) => get(`/api/tasks/${ids.running}`, { range: `bytes=${'0-0,'.repeat(1000)}` }),
    200,
  ],
  [
    'I70',
    'a cancel that comes twice',
    async ({ post, ids }) => {
      await post(`/api/tasks/${ids.waiting}/cancel`, '{}')
      return post(`/api/tasks/${ids.waiting}/cancel`, '{}')
    },
    'already-finished',
  ],
  ...['x', '-1', '1.5', '1e3', '٣', ' ', `${2 ** 60}`, '9'.repeat(400)].map((after): Row => [
    'I73',
    `?after=${after.slice(0, 9)}`,
    ({ get, ids }) => get(`/api/tasks/${ids.running}/stream?after=${encodeURIComponent(after)}`),
    'validation',
  ]),
  ...['x', '-1', '1.5', `${2 ** 60}`].map((id): Row => [
    'I73',
    `Last-Event-ID: ${id}`,
    ({ get, ids }) => get(`/api/tasks/${ids.running}/stream`, { 'last-event-id': id }),
    'validation',
  ]),
  [
    'I73',
    'a number that the task has not reached',
    ({ get, ids }) => get(`/api/tasks/${ids.running}/stream?after=99`),
    'validation',
  ],
  [
    'I74',
    'a ticket that is none',
    ({ url, ids }) => get(`${url}/api/tasks/${ids.running}/stream?ticket=nonsense`),
    'unauthorized',
  ],
  [
    'I74',
    'two tickets',
    ({ url, ids }) => get(`${url}/api/tasks/${ids.running}/stream?ticket=a&ticket=b`),
    'unauthorized',
  ],
  [
    '–',
    'a wait that is too long',
    ({ get: read, ids }) => read(`/api/tasks/${ids.running}?wait=61`),
    'validation',
  ],
  [
    '–',
    'a wait that is none',
    ({ get: read, ids }) => read(`/api/tasks/${ids.running}?wait=soon`),
    'validation',
  ],
  ['–', 'a status that there is not', ({ get: read }) => read('/api/tasks?status=happy'), 'validation'],
  ['–', 'a cursor that is none', ({ get: read }) => read('/api/tasks?cursor=1'), 'validation'],
  ['–', 'a limit of 0', ({ get: read }) => read('/api/tasks?limit=0'), 'validation'],
  ['–', 'a limit of 101', ({ get: read }) => read('/api/tasks?limit=101'), 'validation'],
  ['–', 'a stats with a query', ({ get: read }) => read('/api/queue/stats?x=1'), 'validation'],
]

test.each(ROWS)('%s, %s', async (_id, _name, send, answer) => {
  check(await send(await setup()), answer)
})

test('I71: what a task hands over is an attachment under a name of our own', async () => {
  const { client, held, ids, url, headers } = await setup()
  held[0]?.end({ filename: 'a"\r\nset-cookie: x=1' })
  await client.ended(ids.running)
  const reply = await fetch(`${url}/api/tasks/${ids.running}/result`, { headers })
  expect(reply.headers.get('content-disposition')).toBe(`attachment; filename="${ids.running}.json"`)
  expect(reply.headers.get('set-cookie')).toBeNull()
})

/** An upgrade as it should be, or with one line of it changed (N9, I75, I76). */
const UPGRADES: [string, (lines: string[]) => string[], number][] = [
  ['as it should be', (lines) => lines, 101],
  ['without a key', (lines) => lines.filter((line) => !line.startsWith('sec-websocket-key')), 400],
  ['with a bad key', (lines) => lines.map((line) => line.replace(/key: .*/, 'key: short')), 400],
  ['of an unknown version', (lines) => lines.map((line) => line.replace('version: 13', 'version: 7')), 400],
  ['over HTTP/1.0', (lines) => lines.map((line) => line.replace('HTTP/1.1', 'HTTP/1.0')), 400],
  [
    'with 2000 headers',
    (lines) => [...lines, ...Array.from({ length: 2000 }, (_, index) => `x${index}: 1`)],
    431,
  ],
  ['with a subprotocol of 1 KB', (lines) => [...lines, `sec-websocket-protocol: ${'a'.repeat(1000)}`], 101],
  ['from a page of somebody else', (lines) => [...lines, 'origin: https://evil.example'], 403],
  ['from a page that hides', (lines) => [...lines, 'origin: null'], 403],
  ['from a page that cannot be', (lines) => [...lines, 'origin: ::::'], 403],
  ['without a token', (lines) => lines.filter((line) => !line.startsWith('authorization')), 401],
  ['to a route that is none', (lines) => lines.map((line) => line.replace('/ws/', '/nothing/')), 404],
  [
    'to something else than a WebSocket',
    (lines) => lines.map((line) => line.replace('upgrade: websocket', 'upgrade: h2c')),
    404,
  ],
]

test.each(UPGRADES)('an upgrade %s', async (_name, change, status): Promise<void> => {
  const { raw, ids, token, url } = await setup()
  const lines = change([
    `GET /ws/${ids.running} HTTP/1.1`,
    'host: localhost',
    `authorization: Bearer ${token}`,
    'connection: upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${Buffer.alloc(16).toString('base64')}`,
  ])
  const done = raw(`${lines.join('\r\n')}\r\n\r\n`)
  if (status === 101) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(`${lines.join('\r\n')}\r\n\r\n`)
    const [reply] = (await once(socket, 'data')) as [Buffer]
    expect(reply.toString()).toMatch(/^HTTP\/1.1 101 /)
    socket.destroy()
    return
  }
  const reply = await done
  expect(reply.status).toBe(status)
  expect(JSON.parse(reply.text)).toMatchObject({ status, error_type: expect.any(String) as unknown })
  expect((await fetch(`${url}/health/live`)).status).toBe(200)
})

test.each([
  ['/ws/nothing', 4001, 'unknown task'],
  ['/ws/OWN?after=x', 1008, /^after: expected a whole number/],
  ['/ws/OWN?after=99', 1008, /^after: expected a whole number/],
  ['/ws/OWN?more=1', 1008, 'unknown query parameter'],
  ['/api/ws?more=1', 1008, 'unknown query parameter'],
])('a WebSocket at %s closes with %s', async (path, code, reason) => {
  const { ws, ids, headers } = await setup()
  const socket = new WebSocket(ws + path.replace('OWN', ids.running), { headers })
  const [closed, given] = (await once(socket, 'close')) as [number, Buffer]
  expect([closed, given.toString()]).toEqual([code, expect.stringMatching(reason)])
})

test.each(['/api/tasks/OWN/stream?more=1', '/api/queue/stream?more=1'])(
  'an event stream at %s names the unknown parameter',
  async (path) => {
    const { get, ids } = await setup()
    const { status, text } = await get(path.replace('OWN', ids.running))
    const errors = [{ path: '', message: 'Unrecognized key: "more"' }]
    expect([status, JSON.parse(text)]).toMatchObject([422, { errors }])
  },
)

/** Frames that break RFC 6455, byte by byte (N8). */
const FRAMES: [string, number[], number][] = [
  ['an unmasked frame', [0x81, 0x01, 0x61], 1002],
  ['reserved bits', [0xf1, 0x80, 0, 0, 0, 0], 1002],
  ['an opcode that is none', [0x83, 0x80, 0, 0, 0, 0], 1002],
  ['a continuation of nothing', [0x80, 0x80, 0, 0, 0, 0], 1002],
  ['a ping of 126 bytes', [0x89, 0xfe, 0, 126, 0, 0, 0, 0], 1002],
  ['a ping in pieces', [0x09, 0x80, 0, 0, 0, 0], 1002],
  ['a close of one byte', [0x88, 0x81, 0, 0, 0, 0, 3], 1002],
  ['a close code that is none', [0x88, 0x82, 0, 0, 0, 0, 0, 5], 1002],
  ['bad UTF-8', [0x81, 0x82, 0, 0, 0, 0, 0xc0, 0xaf], 1007],
  ['a frame of 100 MB', [0x81, 0xff, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0], 1009],
  ['text of 5 KB', [0x81, 0xfe, 0x13, 0x88, 0, 0, 0, 0], 1009],
  [
    'twenty fragments',
    [
      0x01,
      0x81,
      0,
      0,
      0,
      0,
      0x61,
      ...Array.from({ length: 20 }, () => [0x00, 0x81, 0, 0, 0, 0, 0x61]).flat(),
    ],
    1008,
  ],
]

test.each(FRAMES)('N8: %s', async (_name, bytes, code) => {
  const { url, ids, token } = await setup()
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const key = Buffer.alloc(16).toString('base64')
  socket.write(
    `GET /ws/${ids.running} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
  )
  let received = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])))
  socket.on('error', () => undefined)
  await expect.poll(() => received.includes('"snapshot"')).toBe(true)
  received = Buffer.alloc(0)
  socket.write(Buffer.from(bytes))
  await once(socket, 'close')
  const close = received.lastIndexOf(0x88)
  expect(received.readUInt16BE(close + 2)).toBe(code)
})

async function get(address: string) {
  const reply = await fetch(address)
  return { status: reply.status, text: await reply.text() }
}
