import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../../src/index.ts'
import { check, expectProblem, setup, type Row } from '../../support/bad-input.ts'
import { startServer } from '../../support/server.ts'
import { awkwardStrings, malformedJson } from './malformed-json.ts'

const generic = (body: object) => JSON.stringify({ type: 'held', input: {}, ...body })
const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
const HOOK = { url: 'https://example.com/hook' }
const submit = (input: object) => JSON.stringify(input)
const nested = (depth: number) => `{"type":"held","input":${'['.repeat(depth)}${']'.repeat(depth)}}`

/** What a submission in JSON may be sent (I17 to I48). */
const ROWS: Row[] = [
  ['I17', 'an empty body', ({ post }) => post('/api/tasks', ''), 'malformed-json'],
  ['I17', 'an empty body for a type', ({ post }) => post('/summarize', ''), 'malformed-json'],
  ['I19', 'a depth of 10 000', ({ post }) => post('/api/tasks', nested(10_000)), 'malformed-json'],
  ['I19', 'a depth of 65', ({ post }) => post('/api/tasks', nested(64)), 'malformed-json'],
  ['I19', 'a depth of 64', ({ post }) => post('/api/tasks', nested(63)), 'validation'],
  [
    'I20',
    'a body over the limit',
    ({ post }) => post('/api/tasks', `"${'a'.repeat(3_000_000)}"`),
    'payload-too-large',
  ],
  [
    'I20',
    'the same in chunks',
    ({ raw, token }) =>
      raw(
        `POST /api/tasks HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n40000\r\n${'a'.repeat(0x40000)}\r\n`.padEnd(
          0x40000,
          'a',
        ) + `40000\r\n${'a'.repeat(0x40000)}\r\n`.repeat(9),
      ),
    'payload-too-large',
  ],
  [
    'I21',
    'a body longer than declared',
    ({ raw, token }) =>
      raw(
        `POST /held HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{"a":1}`,
      ),
    400,
  ],
  [
    'I22',
    'no content type',
    ({ raw, token }) =>
      raw(
        `POST /held HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-length: 2\r\n\r\n{}`,
      ),
    'unsupported-media-type',
  ],
  [
    'I22',
    'plain text',
    ({ post }) => post('/held', '{}', { 'content-type': 'text/plain' }),
    'unsupported-media-type',
  ],
  [
    'I22',
    'a form',
    ({ post }) => post('/held', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' }),
    'unsupported-media-type',
  ],
  [
    'I22',
    'a content type with garbage behind',
    ({ post }) => post('/held', '{}', { 'content-type': 'application/json garbage' }),
    'unsupported-media-type',
  ],
  [
    'I22',
    'a content type with a tab',
    ({ post }) => post('/held', '{}', { 'content-type': 'application/json\tx' }),
    'unsupported-media-type',
  ],
  [
    'I22',
    'a content type that only looks alike',
    ({ post }) => post('/held', '{}', { 'content-type': 'application/jsonx' }),
    'unsupported-media-type',
  ],
  [
    'I22',
    'the content type with its charset',
    ({ post }) => post('/held', '{}', { 'content-type': 'Application/JSON; charset=utf-8' }),
    202,
  ],
  [
    'I23',
    'a packed body',
    ({ post }) => post('/held', '{}', { 'content-encoding': 'gzip' }),
    'unsupported-media-type',
  ],
  ['I24', 'a lone surrogate, escaped', ({ post }) => post('/held', '{"a":"\\ud800"}'), 202],
  ['I25', '__proto__ as a key', ({ post }) => post('/held', '{"__proto__":{"a":1}}'), 'malformed-json'],
  [
    'I25',
    '__proto__ as a key, escaped',
    ({ post }) => post('/held', '{"\\u005f_proto__":1}'),
    'malformed-json',
  ],
  [
    'I25',
    '__proto__ deep inside',
    ({ post }) => post('/held', '{"a":[{"b":{"__proto__":1}}]}'),
    'malformed-json',
  ],
  [
    'I25',
    'constructor.prototype',
    ({ post }) => post('/held', '{"constructor":{"prototype":{"a":1}}}'),
    'malformed-json',
  ],
  [
    'I26',
    'a key that comes twice',
    ({ post }) => post('/summarize', '{"text":5,"text":"The last one counts, and is a text."}'),
    202,
  ],
  ['I27', 'an unknown field', ({ post }) => post('/summarize', submit({ text: 'a', more: 1 })), 'validation'],
  [
    'I27',
    'an unknown field of the generic route',
    ({ post }) => post('/api/tasks', generic({ more: 1 })),
    'validation',
  ],
  [
    'I27',
    'an unknown query parameter',
    ({ post }) => post('/summarize?more=1', submit({ text: 'a' })),
    'validation',
  ],
  [
    'I28',
    'an unknown type',
    ({ post }) => post('/api/tasks', generic({ type: 'nothing' })),
    'unknown-task-type',
  ],
  [
    'I28',
    'a type of 10 KB',
    ({ post }) => post('/api/tasks', generic({ type: 'a'.repeat(10_000) })),
    'unknown-task-type',
  ],
  [
    'I28',
    'a type that every object has',
    ({ post }) => post('/api/tasks', generic({ type: 'constructor' })),
    'unknown-task-type',
  ],
  ['I28', 'a list for a type', ({ post }) => post('/api/tasks', generic({ type: ['held'] })), 'validation'],
  ['I28', 'an object for a type', ({ post }) => post('/api/tasks', generic({ type: {} })), 'validation'],
  [
    'I28',
    'a type that takes a file',
    ({ post }) => post('/api/tasks', generic({ type: 'analyze-pdf' })),
    'validation',
  ],
  ...[-1, 99, 1.5, '4', '1.0', 'high', ' 1', '', true, null, [], {}, '1e0', '٢'].map((priority): Row => [
    'I29',
    `the priority ${JSON.stringify(priority)}`,
    ({ post }) => post('/api/tasks', generic({ priority })),
    'invalid-priority',
  ]),
  [
    'I29',
    'the priority 1e400',
    ({ post }) => post('/api/tasks', '{"type":"held","input":{},"priority":1e400}'),
    'invalid-priority',
  ],
  ...['-1', '99', '1.5', 'NaN', '1e400', 'high', '', '0x1', '1&priority=2'].map((priority): Row => [
    'I29',
    `?priority=${priority}`,
    ({ post }) => post(`/held?priority=${priority}`, '{}'),
    'invalid-priority',
  ]),
  [
    'I30',
    'a time limit, which is not built yet',
    ({ post }) => post('/api/tasks', generic({ timeout_seconds: 2 ** 31 })),
    'validation',
  ],
  ...[
    '',
    'x'.repeat(10_000),
    'example.com',
    'http://',
    'http:// a',
    `http://example.com/${'a'.repeat(10_000)}`,
  ].map((url): Row => [
    'I31',
    `the address ${url.slice(0, 20)}`,
    ({ post }) => post('/summarize', submit({ url })),
    'validation',
  ]),
  ...[
    'file:///etc/passwd',
    'gopher://example.com/',
    'data:text/plain,a',
    'javascript:alert(1)',
    'ftp://example.com/',
  ].map((url): Row => [
    'I31',
    `the address ${url}`,
    ({ post }) => post('/summarize', submit({ url })),
    'validation',
  ]),
  ...[
    'http://user:pass@example.com/',
    'http://user@example.com/',
    'http://example.com:22/',
    'http://example.com:25/',
    'http://example.com:6379/',
    'http://example.com:0/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://0x7f.1/',
    'http://127.1/',
    'http://１２７.０.０.１/',
    'http://127。0。0。1/',
    'http://[::ffff:7f00:1]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:7f00:1::]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://100.100.100.200/',
    'http://192.0.0.192/',
    'http://[fd00:ec2::254]/',
    'http://metadata.google.internal/',
    'http://localhost./',
    'http://localhost:8001/',
    'http://10.0.0.1/',
  ].map((url): Row => [
    'I32–I38',
    `the address ${url}`,
    ({ post }) => post('/summarize', submit({ url })),
    'unsafe-url',
  ]),
  [
    'I33',
    'a port beyond all',
    ({ post }) => post('/summarize', submit({ url: 'http://example.com:65536/' })),
    'validation',
  ],
  [
    'I35',
    'a zone',
    ({ post }) => post('/summarize', submit({ url: 'http://[fe80::1%25eth0]/' })),
    'validation',
  ],
  [
    'I40',
    'a webhook to a private address',
    ({ post }) => post('/api/tasks', generic({ webhook: { url: 'http://10.0.0.1/', secret: SECRET } })),
    'unsafe-url',
  ],
  [
    'I40',
    'a webhook to no address',
    ({ post }) => post('/api/tasks', generic({ webhook: { url: 'javascript:alert(1)', secret: SECRET } })),
    'validation',
  ],
  [
    'I41',
    'a webhook whose secret is too short',
    ({ post }) => post('/api/tasks', generic({ webhook: { ...HOOK, secret: 'whsec_c2hvcnQ=' } })),
    'validation',
  ],
  [
    'I41',
    'a webhook without any secret',
    ({ post }) => post('/api/tasks', generic({ webhook: HOOK })),
    'validation',
  ],
  [
    'I42',
    'an empty Idempotency-Key',
    ({ post }) => post('/api/tasks', generic({}), { 'idempotency-key': '' }),
    'validation',
  ],
  [
    'I42',
    'an Idempotency-Key of 300 characters',
    ({ post }) => post('/api/tasks', generic({}), { 'idempotency-key': 'k'.repeat(300) }),
    'validation',
  ],
  [
    'I44',
    'a title of 1 MB',
    ({ post }) => post('/summarize', submit({ text: 'a', title: 'a'.repeat(1_000_000) })),
    'validation',
  ],
  [
    'I45',
    'metadata of 10 000 entries',
    ({ post }) =>
      post(
        '/api/tasks',
        generic({ metadata: Object.fromEntries(Array.from({ length: 10_000 }, (_, key) => [key, 1])) }),
      ),
    'validation',
  ],
  [
    'I46',
    'a schedule, which is not built yet',
    ({ post }) => post('/api/tasks', generic({ delay_seconds: -1 })),
    'validation',
  ],
  [
    '–',
    'text and url at once',
    ({ post }) => post('/summarize', submit({ text: 'a', url: 'https://example.com/' })),
    'validation',
  ],
  ['–', 'neither text nor url', ({ post }) => post('/summarize', '{}'), 'validation'],
  ['–', 'a list for an input', ({ post }) => post('/summarize', '[]'), 'validation'],
  ['–', 'null for an input', ({ post }) => post('/summarize', 'null'), 'validation'],
  [
    '–',
    'a language that is none',
    ({ post }) => post('/summarize', submit({ text: 'a', language: '../..' })),
    'validation',
  ],
]

test.each(ROWS)('%s, %s', async (_id, _name, send, answer) => {
  check(await send(await setup()), answer)
})

test('I18: every text that is no JSON is malformed-json, and a good one after it is welcome', async () => {
  const { post } = await setup({ ratePerMinute: 0, addressRatePerMinute: 0 })
  const texts = malformedJson()
  expect(texts.length).toBeGreaterThanOrEqual(140)
  for (const text of texts) {
    const reply = await post('/held', text)
    expect(reply.status, JSON.stringify(text)).toBe(400)
    expectProblem(reply, 'malformed-json')
  }
  expect((await post('/held', '{}')).status).toBe(202)
})

test.each(['{"__proto__":{"a":1}}', '{"constructor":{"prototype":{}}}'])(
  'I25: %s is refused for its key, not as invalid JSON',
  async (text) => {
    const { detail } = JSON.parse((await (await setup()).post('/held', text)).text) as { detail: string }
    expect(detail).toMatch(/^A key of the body is __proto__/)
  },
)

test('I43: awkward strings are welcome in every place for text, and come back as they went', async () => {
  const echo = defineTask({ type: 'echo', input: z.object({ text: z.string() }), run: ({ text }) => text })
  const { post, ended } = await startServer({ tasks: [echo], settings: { slots: 100, capacity: 1000 } })
  const check = async (text: string) => {
    const { body, status } = await post('/api/tasks', {
      type: 'echo',
      input: { text },
      metadata: text.length < 1000 ? { [text]: text } : {},
    })
    if (text === '__proto__') return expect(status).toBe(400)
    const task = await ended(body['task_id'])
    expect([task['result'], Object.values(task['metadata']).at(0) ?? text]).toEqual([text, text])
  }
  await Promise.all(awkwardStrings().map(check))
})

test('I47: a full queue is 503 with Retry-After on every route of submission', async () => {
  const { post, client } = await setup({ capacity: 1 })
  for (const reply of [
    await post('/held', '{}'),
    await post('/api/tasks', generic({})),
    await client.upload('/analyze-pdf', '%PDF-'),
  ]) {
    expectProblem(reply, 'queue-full')
    expect(JSON.parse(reply.text)).toMatchObject({ queue_size: 1, max_queue_size: 1 })
    expect((JSON.parse(reply.text) as { retry_after: number }).retry_after).toBeGreaterThanOrEqual(1)
  }
})

test('I48: too many requests are 429 with Retry-After', async () => {
  const { post } = await setup({ ratePerMinute: 3 })
  await post('/held', '{}')
  const reply = await post('/held', '{}')
  expectProblem(reply, 'rate-limited')
})
