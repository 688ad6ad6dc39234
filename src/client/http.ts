import { QueueFull, RequestFailed, type Problem } from './errors.ts'
import { pauseMs, sleep } from './wait.ts'

export interface ConnectOptions {
  /** Where the server is, with the prefix it may be below: `https://host/queue`. Default: the page's own origin. */
  readonly url?: string | URL
  /** Sent as `Authorization: Bearer`. Default: none; a browser sends the cookie of its session. */
  readonly token?: string
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Default: the global one. */
  readonly fetch?: Fetch
  /**
   * How tasks are watched: `sse`, or one WebSocket for all. Default: `websocket`, where there is one and no token or
   * headers are sent, which a WebSocket cannot; else `sse`.
   */
  readonly transport?: 'websocket' | 'sse'
}

type Value = string | number | boolean | readonly string[] | null | undefined
/** Parameters of an address. */
export type Query = Readonly<Record<string, Value>>

export interface RequestOptions {
  readonly query?: Query
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** Sends it instead of `fetch`. */
  readonly via?: Fetch
}

/** What of `fetch` is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface RepeatOptions extends RequestOptions {
  /** How long 429, 503 and a lost connection are waited out, ms. */
  readonly maxWaitMs: number
}

/** Statuses of a refusal that passes. */
const PASSING = new Set([429, 503])

/** Requests to one server. */
export class Http {
  readonly #base: string
  readonly #headers: Readonly<Record<string, string>>
  readonly fetch: Fetch

  constructor({ url, token, headers, fetch: own }: ConnectOptions) {
    this.#base = parseBase(String(url ?? ''), own !== undefined)
    this.#headers = { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
    this.fetch = own ?? ((url, init) => fetch(url, init))
  }

  /** The address of a path, with those parameters that have a value; lists are separated by commas. */
  address(path: string, query: Query = {}): string {
    const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
      (value ?? '') === '' ? [] : [[name, String(value as string | number | boolean | readonly string[])]],
    )
    return `${this.#base}${path}${given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`}`
  }

  /** One request, whatever it is answered. @throws what `fetch` throws when there is no connection */
  send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    return this.#prepare(method, path, options)()
  }

  /** What sends one request, as often as it is called. @throws TypeError for a body that is no JSON */
  #prepare(method: string, path: string, options: RequestOptions): () => Promise<Response> {
    const { query, body, headers, signal, via = this.fetch } = options
    const isJson = body !== undefined && !(body instanceof FormData)
    const address = this.address(path, query)
    const init: RequestInit = {
      method,
      headers: { ...this.#headers, ...(isJson ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body === undefined ? {} : { body: isJson ? JSON.stringify(body) : body }),
      ...(signal === undefined ? {} : { signal }),
    }
    return () => via(address, init)
  }

  /** One request; the reply is JSON, or null where there is none. @throws RequestFailed for a problem */
  async json<Reply>(method: string, path: string, options: RequestOptions = {}): Promise<Reply> {
    return toJson<Reply>(await this.send(method, path, options))
  }

  /**
   * The same, sent again as long as the refusal passes; the request must be safe to repeat.
   * @throws QueueFull when it does not pass in time
   */
  async repeat<Reply>(method: string, path: string, options: RepeatOptions): Promise<Reply> {
    const until = Date.now() + options.maxWaitMs
    const send = this.#prepare(method, path, options)
    for (let tries = 0; ; tries += 1) {
      try {
        return await toJson<Reply>(await send())
      } catch (error) {
        options.signal?.throwIfAborted()
        if (!isPassing(error)) throw error
        const retryAfter = error instanceof RequestFailed ? error.retryAfter : null
        const waitMs = retryAfter === null ? pauseMs(tries) : retryAfter * 1000
        if (Date.now() + waitMs > until) throw error
        await sleep(waitMs, options.signal)
      }
    }
  }
}

/**
 * An address without slashes at its end; a page, or a `fetch` of the caller's own, may do without a host.
 *
 * @throws TypeError where there is none
 */
function parseBase(url: string, hasOwnFetch: boolean): string {
  const { location } = globalThis as { location?: { href: string } }
  if (!/^https?:/.test(url) && !hasOwnFetch && location === undefined)
    throw new TypeError(`url="${url}": expected http://…`)
  return url.replace(/\/+$/, '')
}

/** A refusal that passes, or a connection that was lost, also in the middle of the reply. */
function isPassing(error: unknown): boolean {
  return error instanceof RequestFailed ? PASSING.has(error.status) : !(error instanceof SyntaxError)
}

async function toJson<Reply>(response: Response): Promise<Reply> {
  if (!response.ok) throw await readFailure(response)
  const text = await response.text()
  return (text === '' ? null : JSON.parse(text)) as Reply
}

/** The error of a reply that is a problem. */
export async function readFailure(response: Response): Promise<RequestFailed> {
  const text = await response.text().catch(() => '')
  const isProblem = response.headers.get('content-type')?.includes('json') ?? false
  const problem = isProblem ? parseProblem(text) : null
  const seconds = Number(response.headers.get('retry-after') ?? NaN)
  const retryAfter = Number.isFinite(seconds) ? seconds : (problem?.retry_after ?? null)
  const isFull =
    response.status === 503 || (response.status === 429 && problem?.error_type === 'user_queue_full')
  return new (isFull ? QueueFull : RequestFailed)(response.status, problem, retryAfter)
}

function parseProblem(text: string): Problem | null {
  try {
    return JSON.parse(text) as Problem
  } catch {
    return null
  }
}
