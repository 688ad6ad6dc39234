/** What can be read from an error, whoever threw it: fetch, undici, an SDK, a provider's body as text or as JSON. */
export interface Evidence {
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
}

interface Found {
  status: number | null
  codes: Set<string>
  retryAfter: string | null
  retryDelayMs: number | null
  quotas: string[]
}

/** An error may hold half a program: so many objects and texts of it are looked at. */
const MAX_LOOKED_AT = 200
const MAX_BODY_CHARS = 100_000
/** Members under which errors and bodies carry what caused them. */
const INNER = [
  'cause',
  'errors',
  'response',
  'error',
  'data',
  'body',
  'responseBody',
  'details',
  'violations',
]
const HEADERS = ['headers', 'responseHeaders']

/** Looks through an error, its causes and its provider's body. Never throws. */
export function evidenceOf(thrown: unknown): Evidence {
  const found: Found = { status: null, codes: new Set(), retryAfter: null, retryDelayMs: null, quotas: [] }
  look(thrown, found, new Set())
  return found
}

function look(value: unknown, found: Found, seen: Set<unknown>): void {
  if (seen.has(value) || seen.size > MAX_LOOKED_AT) return
  seen.add(value)
  if (typeof value === 'string') return look(jsonIn(value), found, seen)
  if (typeof value !== 'object' || value === null) return
  const read = readerOf(value)
  readStatus(read, found)
  readCodes(read, found)
  readQuota(read, found)
  for (const name of HEADERS) readHeaders(read(name), found)
  for (const name of INNER) look(read(name), found, seen)
  if (read('status') === undefined && read('cause') === undefined) look(read('message'), found, seen)
  if (Array.isArray(value)) for (const each of value.slice(0, 20)) look(each, found, seen)
}

/** Reads members of an object whose getters may throw. */
function readerOf(value: object): (name: string) => unknown {
  return (name) => {
    try {
      return (value as Record<string, unknown>)[name]
    } catch {
      return undefined
    }
  }
}

function readStatus(read: (name: string) => unknown, found: Found): void {
  for (const name of ['status', 'statusCode', 'code']) {
    const value = read(name)
    if (typeof value === 'number' && value >= 400 && value <= 599) found.status ??= value
  }
}

function readCodes(read: (name: string) => unknown, found: Found): void {
  for (const name of ['code', 'status', 'type', 'finishReason', 'blockReason', 'reason']) {
    const value = read(name)
    if (typeof value === 'string' || typeof value === 'number') found.codes.add(`${value}`.toLowerCase())
  }
}

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
  const read = (name: string) => {
    const value = memberOf(headers, name)
    return typeof value === 'string' || typeof value === 'number' ? `${value}` : null
  }
  const ms = read('retry-after-ms')
  const precise = ms !== null && /^\d+$/.test(ms) ? `${Number(ms) / 1000}` : null
  found.retryAfter ??= precise ?? read('retry-after') ?? read('Retry-After')
}

function memberOf(headers: object, name: string): unknown {
  try {
    return headers instanceof Headers ? headers.get(name) : (headers as Record<string, unknown>)[name]
  } catch {
    return undefined
  }
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
