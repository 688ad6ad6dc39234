/** Signals collected from an error of any library: fetch, undici, an SDK, a provider's body as text or as JSON. */
export interface ErrorSignals {
  /** HTTP status. */
  readonly status: number | null
  /** Codes of the system, of undici and of providers, in lower case. */
  readonly codes: ReadonlySet<string>
  /** Value of Retry-After, or of retry-after-ms in seconds. */
  readonly retryAfter: string | null
  /** Google's RetryInfo, ms. */
  readonly retryDelayMs: number | null
  /** Google's names of the quotas that were passed. */
  readonly quotas: readonly string[]
  /** Whether the provider recommends another attempt (`x-should-retry`); null: unknown. */
  readonly shouldRetry: boolean | null
}

interface Found {
  status: number | null
  codes: Set<string>
  retryAfter: string | null
  retryDelayMs: number | null
  quotas: string[]
  shouldRetry: boolean | null
}

/** An error may reference large objects: at most this many objects and texts are examined. */
const MAX_LOOKED_AT = 200
const MAX_BODY_CHARS = 100_000
/** Members under which errors and bodies carry what caused them. */
const INNER = [
  'cause',
  'errors',
  'response',
  'error',
  'data',
  'errorDetails',
  'body',
  'responseBody',
  'details',
  '$metadata',
  '$response',
  'violations',
]
const HEADERS = ['headers', 'responseHeaders', '$responseHeaders']

/** Looks through an error, its causes and its provider's body. Never throws. */
export function collectSignals(thrown: unknown): ErrorSignals {
  const found: Found = {
    status: null,
    codes: new Set(),
    retryAfter: null,
    retryDelayMs: null,
    quotas: [],
    shouldRetry: null,
  }
  look(thrown, found, new Set())
  return found
}

function look(value: unknown, found: Found, seen: Set<unknown>): void {
  if (seen.has(value) || seen.size > MAX_LOOKED_AT) return
  seen.add(value)
  if (typeof value === 'string') return look(jsonIn(value), found, seen)
  if (typeof value !== 'object' || value === null) return
  const read = createReader(value)
  readStatus(read, found)
  readCodes(read, found)
  readQuota(read, found)
  for (const name of HEADERS) readHeaders(read(name), found)
  // A response of fetch has a body that was read or is a stream; node-fetch warns where `data` is asked for.
  if (typeof read('arrayBuffer') === 'function') return
  for (const name of INNER) look(read(name), found, seen)
  // Some libraries put the whole body into the message.
  look(read('message'), found, seen)
  if (Array.isArray(value)) for (const each of value.slice(0, 20)) look(each, found, seen)
}

/** Reads members of an object whose getters may throw. */
function createReader(value: object): (name: string) => unknown {
  return (name) => {
    try {
      return (value as Record<string, unknown>)[name]
    } catch {
      return undefined
    }
  }
}

function readStatus(read: (name: string) => unknown, found: Found): void {
  for (const name of ['status', 'statusCode', 'code', 'httpStatusCode']) {
    const value = read(name)
    if (typeof value === 'number' && value >= 400 && value <= 599) found.status ??= value
  }
}

function readCodes(read: (name: string) => unknown, found: Found): void {
  for (const name of ['code', 'status', 'type', 'name', 'finishReason', 'blockReason', 'reason']) {
    const value = read(name)
    if (typeof value === 'string' || typeof value === 'number') found.codes.add(`${value}`.toLowerCase())
  }
  const message = read('message')
  if (typeof message === 'string' && LOST_CONNECTION.some((of) => of.test(message)))
    found.codes.add('econnreset')
}

/** Libraries that report a failed connection in the message alone: @google/generative-ai, axios, the AWS SDK. */
const LOST_CONNECTION = [
  /^\[GoogleGenerativeAI Error\]: (Error fetching from \S+ fetch failed|Request aborted when fetching )/,
  /^stream has been aborted$/,
  /\n\s*Deserialization error: to see the raw response/,
]

/** google.rpc.RetryInfo and google.rpc.QuotaFailure. */
function readQuota(read: (name: string) => unknown, found: Found): void {
  const delay = read('retryDelay')
  const seconds = typeof delay === 'string' ? /^(\d+(?:\.\d+)?)s$/.exec(delay)?.[1] : undefined
  if (seconds !== undefined) found.retryDelayMs ??= Number(seconds) * 1000
  const quota = read('quotaId')
  if (typeof quota === 'string') found.quotas.push(quota)
}

function readHeaders(headers: unknown, found: Found): void {
  if (typeof headers !== 'object' || headers === null) return
  const read = headerReader(headers)
  const ms = read('retry-after-ms')
  const precise = ms !== null && /^\d+(\.\d+)?$/.test(ms) ? `${Number(ms) / 1000}` : null
  found.retryAfter ??= precise ?? read('retry-after') ?? findReset(read)
  const errorType = read('x-amzn-errortype')
  if (errorType !== null) found.codes.add(errorType.replace(/:.*$/, '').toLowerCase())
  const should = read('x-should-retry')
  if (should === 'true' || should === 'false') found.shouldRetry ??= should === 'true'
}

type ReadHeader = (name: string) => string | null

/** Reads headers of any library: with a `get` as fetch has it, or a plain object in any case, with texts or lists. */
function headerReader(headers: object): ReadHeader {
  const read = createReader(headers)
  const get = read('get')
  const names = new Map<string, string>()
  if (typeof get !== 'function') for (const name of listKeys(headers)) names.set(name.toLowerCase(), name)
  return (name) => {
    const value =
      typeof get === 'function' ? callGet(headers, get as Getter, name) : read(names.get(name) ?? name)
    const first: unknown = Array.isArray(value) ? value[0] : value
    return typeof first === 'string' || typeof first === 'number' ? `${first}` : null
  }
}

type Getter = (this: object, name: string) => unknown

function callGet(headers: object, get: Getter, name: string): unknown {
  try {
    return get.call(headers, name)
  } catch {
    return undefined
  }
}

function listKeys(value: object): string[] {
  try {
    return Object.keys(value)
  } catch {
    return []
  }
}

/**
 * When an exhausted limit resets, as a text of seconds, where there is no Retry-After: OpenAI's
 * `x-ratelimit-reset-*` (`6m0s`), Anthropic's `anthropic-ratelimit-*-reset` (an instant), `ratelimit-reset` (seconds).
 */
function findReset(read: ReadHeader): string | null {
  for (const unit of ['requests', 'tokens', 'input-tokens', 'output-tokens']) {
    if (read(`x-ratelimit-remaining-${unit}`) === '0') {
      const seconds = parseSeconds(read(`x-ratelimit-reset-${unit}`))
      if (seconds !== null) return `${seconds}`
    }
    if (read(`anthropic-ratelimit-${unit}-remaining`) === '0') {
      const at = read(`anthropic-ratelimit-${unit}-reset`)
      if (at !== null && !Number.isNaN(Date.parse(at))) return new Date(at).toUTCString()
    }
  }
  const reset =
    read('ratelimit-reset') ?? /(?:^|[;,\s])(?:reset|t)=(\d+)/.exec(read('ratelimit') ?? '')?.[1] ?? null
  return reset !== null && /^\d{1,9}$/.test(reset) ? reset : null
}

/** Seconds of `1.5s`, `250ms`, `6m0s`, `1h2m3s`. */
function parseSeconds(text: string | null): number | null {
  const [whole, hours = 0, minutes = 0, seconds = 0, ms = 0] =
    /^(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?$/.exec(text ?? '') ?? []
  if (whole === undefined || whole === '') return null
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) + Number(ms) / 1000
}

/** The JSON that a text is, or ends with: some clients put the body behind their message. */
function jsonIn(text: string): unknown {
  const from = text.indexOf('{')
  if (from < 0 || text.length > MAX_BODY_CHARS) return undefined
  try {
    return JSON.parse(text.slice(from))
  } catch {
    return undefined
  }
}
