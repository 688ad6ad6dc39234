import { expect, test } from 'vitest'
import { classify } from '../../src/handler/retry/classify.ts'
import { parseRetryAfter } from '../../src/time/parse-retry-after.ts'
import { TaskError } from '../../src/task/failure.ts'

const DECLARED = {
  no_sheet: { retryable: false, suggestion: 'Add the sheet.' },
  sheet_locked: { retryable: true, suggestion: 'Close the file.' },
}
const NOW = Date.parse('2026-11-22T12:00:00Z')
const withStatus = (status: number, headers: Record<string, string> = {}, body?: unknown) =>
  Object.assign(new Error(`status ${status}`), {
    status,
    headers,
    ...(body === undefined ? {} : { responseBody: body }),
  })
const google = (quotaId: string, retryDelay?: string) =>
  JSON.stringify({
    error: {
      code: 429,
      status: 'RESOURCE_EXHAUSTED',
      message: 'You exceeded your current quota.',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [{ quotaId }] },
        ...(retryDelay === undefined
          ? []
          : [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }]),
      ],
    },
  })
const coded = (code: string, message = code) => Object.assign(new Error(message), { code })
const wrapped = (cause: unknown) => new TypeError('fetch failed', { cause })

test.each<[string, unknown, string, string, number | null]>([
  [
    '429 with seconds',
    withStatus(429, { 'retry-after': '30' }),
    'park rate',
    'provider_rate_limited',
    30_000,
  ],
  [
    '429 with a date',
    withStatus(429, { 'retry-after': 'Sun, 22 Nov 2026 12:01:00 GMT' }),
    'park rate',
    'provider_rate_limited',
    60_000,
  ],
  [
    '429 in milliseconds',
    withStatus(429, { 'retry-after-ms': '1500' }),
    'park rate',
    'provider_rate_limited',
    1500,
  ],
  ['429 without a time', withStatus(429), 'park concurrency', 'provider_rate_limited', null],
  [
    'Gemini, a minute',
    withStatus(429, {}, google('GenerateRequestsPerMinutePerProject', '34.5s')),
    'park rate',
    'provider_rate_limited',
    34_500,
  ],
  // Until midnight in California, 20 hours on.
  [
    'Gemini, a day',
    withStatus(429, {}, google('GenerateRequestsPerDayPerProject', '12s')),
    'park quota',
    'provider_quota_exhausted',
    20 * 3_600_000,
  ],
  [
    'Gemini in the message',
    new Error(`[429] ${google('TokensPerMinute', '7s')}`),
    'park rate',
    'provider_rate_limited',
    7000,
  ],
  [
    'OpenAI without money',
    withStatus(429, {}, '{"error":{"code":"insufficient_quota"}}'),
    'end quota',
    'provider_quota_exhausted',
    null,
  ],
  ['529', withStatus(529), 'park overload', 'provider_overloaded', null],
  ['503', withStatus(503, { 'retry-after': '5' }), 'park overload', 'provider_overloaded', 5000],
  ['504', withStatus(504), 'retry', 'network_timeout', null],
  ['500', withStatus(500), 'retry', 'internal', null],
  ['50430', coded('50430'), 'park concurrency', 'provider_rate_limited', null],
  [
    '50430 in a body',
    withStatus(200, {}, '{"code":50430,"message":"Request Has Reached API Concurrent Limit"}'),
    'park concurrency',
    'provider_rate_limited',
    null,
  ],
  ['ECONNRESET', coded('ECONNRESET'), 'retry', 'network_timeout', null],
  ['ETIMEDOUT under fetch', wrapped(coded('ETIMEDOUT')), 'retry', 'network_timeout', null],
  [
    'ECONNREFUSED on every address',
    wrapped(new AggregateError([coded('ECONNREFUSED')])),
    'retry',
    'network_timeout',
    null,
  ],
  ['401', withStatus(401), 'end auth', 'provider_auth', null],
  ['403', withStatus(403), 'end other', 'provider_auth', null],
  ['404', withStatus(404), 'end other', 'execution_error', null],
  ['413', withStatus(413), 'end other', 'input_too_large', null],
  [
    'a content block',
    withStatus(400, {}, '{"error":{"code":"content_filter"}}'),
    'end other',
    'content_blocked',
    null,
  ],
  ['a failure with a name', new TaskError('input_rejected', 'odd'), 'end other', 'input_rejected', null],
  ['a declared failure', new TaskError('no_sheet', 'odd'), 'end other', 'no_sheet', null],
  [
    'a declared failure that may pass',
    new Error('wrapped', { cause: new TaskError('sheet_locked', 'odd', { retryAfterSeconds: 3 }) }),
    'retry',
    'sheet_locked',
    3000,
  ],
  ['a failure that no type declares', new TaskError('no_shoe', 'odd'), 'end other', 'execution_error', null],
  [
    'a failure that names its time',
    new TaskError('rate_limited', 'slow', { retryAfterSeconds: 9 }),
    'park rate',
    'rate_limited',
    9000,
  ],
  ['anything else', new Error('odd'), 'end other', 'execution_error', null],
  ['nothing', undefined, 'end other', 'execution_error', null],
])('%s', (_name, thrown, expected, errorType, afterMs) => {
  const errorClass = classify(thrown, NOW, DECLARED)
  const more =
    errorClass.kind === 'park'
      ? ` ${errorClass.limit}`
      : errorClass.kind === 'end'
        ? ` ${errorClass.why}`
        : ''
  expect([`${errorClass.kind}${more}`, errorClass.failure.errorType]).toEqual([expected, errorType])
  expect(errorClass.kind === 'end' ? null : errorClass.afterMs).toBe(afterMs)
})

test('an object whose getters throw is an error like any other', () => {
  const evil = new Proxy(new Error('x'), {
    get: () => {
      throw new Error('no')
    },
    getPrototypeOf: () => {
      throw new Error('no')
    },
  })
  expect(classify(evil, NOW).kind).toBe('end')
})

test.each([
  ['0', 0],
  ['12', 12_000],
  ['1.5', 1500],
  [' 7 ', 7000],
  ['Sun, 22 Nov 2026 12:00:10 GMT', 10_000],
  ['Sun, 22 Nov 2026 11:00:00 GMT', 0],
  ['1000000000', 600_000],
  ['Tue, 22 Nov 2050 12:00:00 GMT', 600_000],
  ['-1', null],
  ['soon', null],
  ['', null],
  ['2026', 600_000],
  ['NaN', null],
])('Retry-After "%s"', (value, ms) => expect(parseRetryAfter(value, NOW)).toBe(ms))
