import { Readable } from 'node:stream'
import type { Agent, fetch, RequestInit, Response } from 'undici'
import { TaskError } from '../task/failure.ts'
import { failureOfStatus, hostOf, toTaskError } from './failures.ts'
import { guardedConnect, resolvePublicly, type Network } from './guarded-connect.ts'
import { AddressPolicy } from './address-policy.ts'

export interface ConnectorOptions {
  /** Ports that may be dialled. */
  readonly ports: readonly number[]
  /** Hosts that the operator trusts, with their port where it is not the usual one. */
  readonly allowHosts: readonly string[]
  /** For the whole fetch, redirects included. */
  readonly timeoutMs: number
  /** Counted after decoding. */
  readonly maxBytes: number
  /** How names become addresses and addresses connections; default: as this machine does. */
  readonly network?: Network
}

export interface FetchOptions {
  readonly signal: AbortSignal
  readonly headers?: Readonly<Record<string, string>>
  /** Present: the request is a POST of this JSON, and is not redirected. */
  readonly json?: unknown
}

export interface TellOptions {
  readonly body: string
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

export interface PostResult {
  readonly status: number
  /** The reply's Retry-After, as it was sent. */
  readonly retryAfter: string | null
}

export interface Fetched {
  /** The address after redirects. */
  readonly url: string
  readonly contentType: string | null
  readonly body: Readable
}

interface Client {
  readonly agent: Agent
  readonly send: typeof fetch
}

const MAX_REDIRECTS = 5
const HEADERS = {
  'user-agent': 'headgate',
  accept: 'text/html,application/xhtml+xml,application/pdf,text/plain;q=0.9,*/*;q=0.5',
}

/**
 * Every outgoing request to an address that a user named: public hosts only, each redirect checked again,
 * the checked address is the one that is dialled, and the body is counted as it is decoded.
 */
export class Connector {
  readonly #options: ConnectorOptions
  readonly #policy: AddressPolicy
  /** Loaded with the first request: the library is a tenth of a start. */
  #client: Promise<Client> | null = null

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.#policy = new AddressPolicy(options.ports, options.allowHosts)
  }

  /** Why an address may not be fetched, as far as the address alone shows; null when it may be dialled. */
  refusalOf(address: string): string | null {
    return this.#policy.refusalOf(address)
  }

  /** @throws TaskError with the reason why there is no document: refused, unreachable, too slow, or its status. */
  async fetch(address: string, options: FetchOptions): Promise<Fetched> {
    const limit = AbortSignal.any([options.signal, AbortSignal.timeout(this.#options.timeoutMs)])
    let url = address
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      const response = await this.#dial(url, { ...options, signal: limit })
      const next = findRedirect(response, url)
      if (next === null) {
        const body = Readable.from(this.#toBody(response, url, limit))
        return { url, contentType: response.headers.get('content-type'), body }
      }
      await response.body?.cancel()
      if (options.json !== undefined)
        throw new TaskError('access_forbidden', `${hostOf(url)} sends elsewhere.`)
      url = next
    }
    throw new TaskError('invalid_url', `The address redirects more than ${MAX_REDIRECTS} times.`)
  }

  /**
   * POSTs a text and returns the status; redirects are not followed, and the reply's body is not read.
   * @throws TaskError when it is refused, unreachable or too slow.
   */
  async post(url: string, { body, headers, signal }: TellOptions): Promise<PostResult> {
    const response = await this.#request(url, { method: 'POST', headers, body, signal })
    await response.body?.cancel()
    return { status: response.status, retryAfter: response.headers.get('retry-after') }
  }

  async close(): Promise<void> {
    await (await this.#client)?.agent.destroy()
  }

  async #dial(url: string, { signal, headers, json }: FetchOptions): Promise<Response> {
    const response = await this.#request(url, {
      signal,
      headers: {
        ...HEADERS,
        ...headers,
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }),
    })
    if (response.status < 400) return response
    await response.body?.cancel()
    throw failureOfStatus(response, url)
  }

  async #request(url: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Response> {
    const refusal = this.#policy.refusalOf(url)
    if (refusal !== null)
      throw new TaskError('ssrf_blocked', `${hostOf(url)} is not fetched from: ${refusal}.`)
    const { agent, send } = await (this.#client ??= this.#load())
    return send(url, { ...init, dispatcher: agent, redirect: 'manual' }).catch((error: unknown) => {
      throw toTaskError(error, url, init.signal)
    })
  }

  async #load(): Promise<Client> {
    const { Agent, buildConnector, fetch: send } = await import('undici')
    const isTrusted = (url: URL) => this.#policy.isTrusted(url)
    const network = this.#options.network ?? { resolve: resolvePublicly(), dialler: buildConnector }
    return { agent: new Agent({ connect: guardedConnect(isTrusted, network) }), send }
  }

  async *#toBody(response: Response, url: string, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { maxBytes } = this.#options
    let bytes = 0
    try {
      for await (const chunk of response.body ?? []) {
        bytes += (chunk as Uint8Array).length
        if (bytes > maxBytes) break
        yield Buffer.from(chunk as Uint8Array)
      }
    } catch (error) {
      throw toTaskError(error, url, signal)
    }
    if (bytes > maxBytes)
      throw new TaskError('input_too_large', `The document is larger than ${maxBytes} bytes.`)
  }
}

/** Where a reply leads; null when it is the document itself. */
function findRedirect({ status, headers }: Response, url: string): string | null {
  const location = headers.get('location')
  if (status < 300 || status > 399 || location === null) return null
  if (!URL.canParse(location, url))
    throw new TaskError('invalid_url', `${hostOf(url)} redirects to no address.`)
  return new URL(location, url).href
}
