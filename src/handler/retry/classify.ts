import { findCause } from '../../task/causes.ts'
import { failure, TaskError, type Failure, type FailureKinds, type FailureType } from '../../task/failure.ts'
import type { LimitKind, ErrorClass } from '../../task/error-class.ts'
import { describeThrown } from '../thrown.ts'
import { collectSignals, type ErrorSignals } from './error-signals.ts'
import { capDelayMs } from '../../time/delay.ts'
import { MAX_AFTER_MS, parseRetryAfter } from '../../time/parse-retry-after.ts'

/** Providers with an error code of their own for too many concurrent calls. */
const CONCURRENCY_CODES = new Set(['50430', 'too_many_concurrent', 'too_many_concurrent_requests'])
/** The account is out of money, or over its spending limit: waiting changes nothing. */
const SPENT_CODES = new Set(['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active'])
const BLOCKED_CODES = new Set([
  'content_filter',
  'content_policy_violation',
  'safety',
  'prohibited_content',
  'recitation',
])
/** Of the system and of undici: the connection failed, and another may not. */
const NETWORK_CODES = new Set(
  `econnreset etimedout econnrefused econnaborted epipe ehostunreach enetunreach enotfound eai_again und_err_socket
   und_err_connect_timeout und_err_headers_timeout und_err_body_timeout und_err_connect err_stream_premature_close
   err_network timeouterror aborterror apiconnectionerror apiconnectiontimeouterror request-timeout body-timeout
   googlegenerativeaiaborterror requesttimeout requesttimeoutexception networkingerror err_http2_error err_http2_stream_error err_http2_session_error
   err_http2_goaway_session err_http2_stream_cancel err_http2_invalid_session`.split(/\s+/),
)
const OVERLOADED_CODES = new Set([
  'overloaded_error',
  'server_overloaded',
  'model_overloaded',
  'serviceunavailableexception',
  'modelnotreadyexception',
])
/** Of AWS, which answers some of these with 400. */
const THROTTLED_CODES = new Set(
  `throttling throttlingexception throttledexception toomanyrequestsexception requestlimitexceeded slowdown
   requestthrottled requestthrottledexception provisionedthroughputexceededexception bandwidthlimitexceeded`.split(
    /\s+/,
  ),
)
/** Google counts days in this zone. */
const QUOTA_ZONE = 'America/Los_Angeles'
const DAY_MS = 24 * 3600 * 1000

const END_BY_STATUS: Readonly<Record<number, FailureType>> = {
  400: 'input_rejected',
  401: 'provider_auth',
  403: 'provider_auth',
  404: 'execution_error',
  413: 'input_too_large',
  422: 'input_rejected',
}

/**
 * Classifies an error once for its task: another attempt, a pause, or the end. Understands HTTP statuses and
 * Retry-After, Google's RESOURCE_EXHAUSTED with its details, OpenAI-style codes, 529, and errors of the network;
 * what it does not know is the end, so that nothing is done twice by mistake.
 *
 * @param now epoch ms
 */
export function classify(thrown: unknown, now: number, declared: FailureKinds = {}): ErrorClass {
  try {
    const own = findCause(thrown, TaskError)
    // A failure named by the handler keeps its name; a cause may be the failure of a wrapping error.
    if (own !== undefined) return verdictOfFailure(own.toFailure(declared), declared)
    return classifyReadable(thrown, now)
  } catch {
    // Some objects throw whatever they are asked: proxies that were revoked, headers with getters.
    return end('execution_error', describeThrown(thrown))
  }
}

function classifyReadable(thrown: unknown, now: number): ErrorClass {
  const signals = collectSignals(thrown)
  const message = describeThrown(thrown)
  return ofCodes(signals, message, now) ?? ofStatus(signals, message, now) ?? end('execution_error', message)
}

function ofCodes(signals: ErrorSignals, message: string, now: number): ErrorClass | null {
  const { codes, status } = signals
  const afterMs = computeAfterMs(signals, now)
  if (hasAny(codes, BLOCKED_CODES)) return end('content_blocked', message)
  if (hasAny(codes, SPENT_CODES)) return end('provider_quota_exhausted', message, 'quota')
  if (hasAny(codes, CONCURRENCY_CODES))
    return park('concurrency', 'provider_rate_limited', { message, afterMs })
  if (hasAny(codes, THROTTLED_CODES)) return ofRate(signals, message, now)
  if (codes.has('resource_exhausted') || signals.quotas.length > 0) return ofGoogle(signals, message, now)
  if (hasAny(codes, OVERLOADED_CODES)) return park('overload', 'provider_overloaded', { message, afterMs })
  if (status === null && hasAny(codes, NETWORK_CODES)) return retry('network_timeout', message, afterMs)
  return null
}

/** One code for four situations: the names of the quotas distinguish them. */
function ofGoogle(signals: ErrorSignals, message: string, now: number): ErrorClass {
  const { quotas, retryDelayMs } = signals
  const afterMs = computeAfterMs(signals, now)
  if (quotas.some((quota) => /perday/i.test(quota))) {
    return park('quota', 'provider_quota_exhausted', { message, afterMs: msToMidnight(now) })
  }
  if (quotas.some((quota) => /perminute/i.test(quota)) || retryDelayMs !== null) {
    return park('rate', 'provider_rate_limited', { message, afterMs })
  }
  return park('concurrency', 'provider_rate_limited', { message, afterMs })
}

function ofStatus(signals: ErrorSignals, message: string, now: number): ErrorClass | null {
  const { status } = signals
  if (status === null) return null
  const afterMs = computeAfterMs(signals, now)
  if (status === 429) return ofRate(signals, message, now)
  if (signals.shouldRetry === false && status >= 500) return end('internal', message)
  if (status === 503 || status === 529) return park('overload', 'provider_overloaded', { message, afterMs })
  if (status === 408 || status === 504) return retry('network_timeout', message, afterMs)
  if (status >= 500) return retry('internal', message, afterMs)
  if (signals.shouldRetry === true || status === 409 || status === 425)
    return retry('internal', message, afterMs)
  const type = END_BY_STATUS[status] ?? 'execution_error'
  return end(type, message, status === 401 ? 'auth' : 'other')
}

/** Without a time it may as well be about calls at once. */
function ofRate(signals: ErrorSignals, message: string, now: number): ErrorClass {
  const afterMs = computeAfterMs(signals, now)
  return park(afterMs === null ? 'concurrency' : 'rate', 'provider_rate_limited', { message, afterMs })
}

/** A source that names no time may want none of us for days: that is found out by attempts. */
const RETRY_TYPES = new Set<FailureType>(['network_timeout', 'internal', 'rate_limited'])
const PARK_TYPES: Partial<Record<FailureType, LimitKind>> = {
  rate_limited: 'rate',
  provider_rate_limited: 'rate',
  provider_overloaded: 'overload',
}

function verdictOfFailure(known: Failure, declared: FailureKinds): ErrorClass {
  const { errorType, retryAfterSeconds } = known
  const afterMs = retryAfterSeconds === null ? null : retryAfterSeconds * 1000
  const limit = PARK_TYPES[errorType]
  const isOfSource = errorType === 'rate_limited' && afterMs === null
  if (limit !== undefined && !isOfSource) return { kind: 'park', limit, failure: known, afterMs }
  if (errorType === 'provider_quota_exhausted' && afterMs !== null) {
    return { kind: 'park', limit: 'quota', failure: known, afterMs }
  }
  const isRetried = declared[errorType]?.retryable ?? RETRY_TYPES.has(errorType)
  if (isRetried) return { kind: 'retry', failure: known, afterMs }
  const whys = { provider_auth: 'auth', provider_quota_exhausted: 'quota' } as const
  return {
    kind: 'end',
    failure: known,
    why: errorType in whys ? whys[errorType as keyof typeof whys] : 'other',
  }
}

function computeAfterMs({ retryAfter, retryDelayMs }: ErrorSignals, now: number): number | null {
  const afterMs = (retryAfter === null ? null : parseRetryAfter(retryAfter, now)) ?? retryDelayMs
  return afterMs === null ? null : capDelayMs(afterMs, MAX_AFTER_MS)
}

/** ms until the day of the quota is over. */
function msToMidnight(now: number): number {
  const parts = new Intl.DateTimeFormat('en-GB', { timeZone: QUOTA_ZONE, timeStyle: 'medium' }).format(now)
  const [hours = 0, minutes = 0, seconds = 0] = parts.split(':').map(Number)
  return DAY_MS - ((hours * 60 + minutes) * 60 + seconds) * 1000 - (now % 1000)
}

interface ParkDetails {
  readonly message: string
  readonly afterMs: number | null
}

function retry(type: FailureType, message: string, afterMs: number | null): ErrorClass {
  return { kind: 'retry', failure: createFailure(type, message, afterMs), afterMs }
}

function park(limit: LimitKind, type: FailureType, { message, afterMs }: ParkDetails): ErrorClass {
  return { kind: 'park', limit, failure: createFailure(type, message, afterMs), afterMs }
}

function end(type: FailureType, message: string, why: 'auth' | 'quota' | 'other' = 'other'): ErrorClass {
  return { kind: 'end', failure: failure(type, message), why }
}

function createFailure(type: FailureType, message: string, afterMs: number | null): Failure {
  return failure(type, message, afterMs === null ? {} : { retryAfterSeconds: Math.ceil(afterMs / 1000) })
}

function hasAny(codes: ReadonlySet<string>, wanted: ReadonlySet<string>): boolean {
  for (const code of codes) if (wanted.has(code)) return true
  return false
}
