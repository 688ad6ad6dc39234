import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { classify } from '../../src/handler/retry/classify.ts'
import { MAX_AFTER_MS } from '../../src/time/parse-retry-after.ts'
import { LIBRARIES } from '../support/provider-libraries.ts'

/** What a provider does with a call. */
interface Behaviour {
  readonly status?: number
  /** @param now epoch ms at which the call was made */
  readonly headers?: (now: number) => Record<string, string>
  readonly body?: unknown
  /** `reset`: no reply; `cut`: half of one; `silent`: none while the connection stays; `refused`: nothing listens. */
  readonly connection?: 'reset' | 'cut' | 'silent' | 'refused'
}

/** Long enough for a reply on a busy machine, short enough to wait for where none comes. */
const TIMEOUT_MS = { reply: 30_000, silent: 300 }
const inSeconds = (now: number, seconds: number) => new Date(now + seconds * 1000)

async function listen(server: ReturnType<typeof createServer> | http2.Http2Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A provider that does the same with every call; the AWS SDK speaks HTTP/2 to it. */
async function provider(behaviour: Behaviour, now: number, isHttp2: boolean) {
  const destroy = (request: IncomingMessage | http2.Http2ServerRequest) =>
    'stream' in request ? request.stream.session?.destroy() : request.socket.destroy()
  const answer = (
    request: IncomingMessage | http2.Http2ServerRequest,
    response: ServerResponse | http2.Http2ServerResponse,
  ) => {
    request.resume()
    const { connection, status = 200, headers, body } = behaviour
    if (connection === 'silent') return
    if (connection === 'reset') return void destroy(request)
    const reply = response as ServerResponse
    reply.writeHead(status, { 'content-type': 'application/json', ...headers?.(now) })
    if (connection === 'cut') {
      reply.write('{"half": ')
      setTimeout(() => destroy(request), 50)
      return
    }
    reply.end(JSON.stringify(body ?? { error: { message: 'refused' } }))
  }
  const server = isHttp2 ? http2.createServer(answer) : createServer(answer)
  const url = await listen(server)
  const close = () => {
    server.close()
    if ('closeAllConnections' in server) server.closeAllConnections()
  }
  if (behaviour.connection === 'refused') close()
  return { url, [Symbol.dispose]: close }
}

/** The error that the library throws, as the queue understands it: `kind limit-or-reason type delay-in-seconds`. */
async function understood(library: string, behaviour: Behaviour): Promise<string> {
  const now = Date.now()
  using server = await provider(behaviour, now, library === 'aws')
  const timeoutMs = behaviour.connection === 'silent' ? TIMEOUT_MS.silent : TIMEOUT_MS.reply
  const error: unknown = await LIBRARIES[library]?.(server.url, timeoutMs).then(
    () => expect.fail('the call must fail'),
    (thrown: unknown) => thrown,
  )
  const errorClass = classify(error, now)
  const { errorType } = errorClass.failure
  if (errorClass.kind === 'end') return `end ${errorType}`
  const { afterMs } = errorClass
  const isDay = afterMs !== null && errorClass.kind === 'park' && errorClass.limit === 'quota'
  const delay = isDay ? 'midnight' : afterMs === null ? '-' : `${roundedSeconds(afterMs)}`
  return `${errorClass.kind === 'park' ? `park ${errorClass.limit}` : 'retry'} ${errorType} ${delay}`
}

/** Dates have whole seconds. */
function roundedSeconds(ms: number): number {
  expect(ms).toBeGreaterThanOrEqual(0)
  expect(ms).toBeLessThanOrEqual(MAX_AFTER_MS)
  return ms <= 2000 ? ms / 1000 : Math.ceil(ms / 1000)
}

const googleQuota = (quotaId: string, details: readonly object[] = []) => ({
  error: {
    code: 429,
    status: 'RESOURCE_EXHAUSTED',
    message: 'You exceeded your current quota.',
    details: [
      { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId }] },
      ...details,
    ],
  },
})
const RETRY_INFO = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34s' }
const withHeaders = (headers: Record<string, string>) => ({ status: 429, headers: () => headers })

const RATE = 'park rate provider_rate_limited'
const NO_TIME = 'park concurrency provider_rate_limited -'
/** These two throw away the headers of a reply. */
const WITHOUT_HEADERS = ['@google/genai', '@google/generative-ai']

/** Name, what the provider does, what the queue understands, and where a library hides something, what then. */
type Row = readonly [string, Behaviour, string, Readonly<Record<string, string>>?]
const hidden = (understands: string) => Object.fromEntries(WITHOUT_HEADERS.map((name) => [name, understands]))

const ROWS: readonly Row[] = [
  ['429, seconds', withHeaders({ 'retry-after': '30' }), `${RATE} 30`, hidden(NO_TIME)],
  [
    '429, a date',
    { status: 429, headers: (now) => ({ 'retry-after': inSeconds(now, 60).toUTCString() }) },
    `${RATE} 60`,
    hidden(NO_TIME),
  ],
  ['429, milliseconds', withHeaders({ 'retry-after-ms': '1500' }), `${RATE} 1.5`, hidden(NO_TIME)],
  [
    '429, a limit of OpenAI',
    withHeaders({ 'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '6m0s' }),
    `${RATE} 360`,
    hidden(NO_TIME),
  ],
  [
    '429, a limit of Anthropic',
    {
      status: 429,
      headers: (now) => ({
        'anthropic-ratelimit-requests-remaining': '0',
        'anthropic-ratelimit-requests-reset': inSeconds(now, 45).toISOString(),
      }),
    },
    `${RATE} 45`,
    hidden(NO_TIME),
  ],
  ['429, no time', { status: 429 }, NO_TIME],
  ['429, more than a number', withHeaders({ 'retry-after': '9'.repeat(30) }), `${RATE} 600`, hidden(NO_TIME)],
  ['429, infinite', withHeaders({ 'retry-after': '1e999' }), NO_TIME],
  ['429, negative', withHeaders({ 'retry-after': '-5' }), NO_TIME],
  ['429, not a number', withHeaders({ 'retry-after': 'NaN' }), NO_TIME],
  [
    '429, no money',
    { status: 429, body: { error: { code: 'insufficient_quota', message: 'You exceeded your quota.' } } },
    'end provider_quota_exhausted',
    // It keeps the message of the body and nothing else.
    { '@google/generative-ai': NO_TIME },
  ],
  [
    '429, a minute of Google',
    { status: 429, body: googleQuota('GenerateRequestsPerMinutePerProject', [RETRY_INFO]) },
    `${RATE} 34`,
  ],
  [
    '429, a day of Google',
    { status: 429, body: googleQuota('GenerateRequestsPerDayPerProject') },
    'park quota provider_quota_exhausted midnight',
  ],
  [
    '400, throttled by AWS',
    {
      status: 400,
      headers: () => ({ 'x-amzn-errortype': 'ThrottlingException:http://x/' }),
      body: { message: 'Rate' },
    },
    NO_TIME,
    hidden('end input_rejected'),
  ],
  [
    '503, seconds',
    { status: 503, headers: () => ({ 'retry-after': '5' }) },
    'park overload provider_overloaded 5',
    hidden('park overload provider_overloaded -'),
  ],
  [
    '529',
    { status: 529, body: { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } } },
    'park overload provider_overloaded -',
  ],
  ['500', { status: 500 }, 'retry internal -'],
  [
    '500, not to be tried again',
    { status: 500, headers: () => ({ 'x-should-retry': 'false' }) },
    'end internal',
    hidden('retry internal -'),
  ],
  ['504', { status: 504 }, 'retry network_timeout -'],
  ['400', { status: 400 }, 'end input_rejected'],
  ['401', { status: 401 }, 'end provider_auth'],
  ['403', { status: 403 }, 'end provider_auth'],
  ['404', { status: 404 }, 'end execution_error'],
  ['413', { status: 413 }, 'end input_too_large'],
  ['nothing listens', { connection: 'refused' }, 'retry network_timeout -'],
  ['the connection is reset', { connection: 'reset' }, 'retry network_timeout -'],
  ['the reply is cut off', { connection: 'cut' }, 'retry network_timeout -'],
  ['no reply in time', { connection: 'silent' }, 'retry network_timeout -'],
]

test.each(Object.keys(LIBRARIES))('errors of the library %s', async (library) => {
  const found: Record<string, string> = {}
  const expected: Record<string, string> = {}
  for (const [name, behaviour, understands, exceptions = {}] of ROWS) {
    found[name] = await understood(library, behaviour)
    expected[name] = exceptions[library] ?? understands
  }
  expect(found).toEqual(expected)
})
