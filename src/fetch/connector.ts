import { Agent, fetch, type Response } from 'undici'
import { Readable } from 'node:stream'
import { TaskError } from '../task/failure.ts'

export interface ConnectorOptions {
  /** Hosts that may be fetched from, with their port where it is not the usual one. */
  readonly allowHosts: readonly string[]
  /** For the whole fetch, redirects included. */
  readonly timeoutMs: number
  /** Counted after decoding. */
  readonly maxBytes: number
}

export interface Fetched {
  /** The address after redirects. */
  readonly url: string
  readonly body: Readable
}

const MAX_REDIRECTS = 5
const CONNECT_TIMEOUT_MS = 5000

/**
 * Every outgoing request to an address that a user named. Only hosts on the list of the operator are
 * dialled; each redirect is checked again, and the body is counted as it is decoded.
 */
export class Connector {
  readonly #options: ConnectorOptions
  readonly #agent = new Agent({ connect: { timeout: CONNECT_TIMEOUT_MS } })

  constructor(options: ConnectorOptions) {
    this.#options = options
  }

  /** Whether an address may be fetched: http or https, no user name, a host on the list. */
  allows(address: string): boolean {
    const url = URL.canParse(address) ? new URL(address) : null
    return (
      url !== null &&
      (url.protocol === 'http:' || url.protocol === 'https:') &&
      url.username === '' &&
      url.password === '' &&
      this.#options.allowHosts.includes(url.host)
    )
  }

  /** @throws TaskError that says why there is no document: refused, unreachable, too slow, or its status. */
  async get(address: string, signal: AbortSignal): Promise<Fetched> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#options.timeoutMs)])
    let url = address
    for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
      if (!this.allows(url)) {
        throw new TaskError('ssrf_blocked', `The address leads to ${hostOf(url)}, which may not be fetched.`)
      }
      const response = await this.#dial(url, limit)
      const location = response.headers.get('location')
      if (response.status < 300 || response.status > 399 || location === null) {
        return { url, body: Readable.from(this.#bodyOf(response, url, limit)) }
      }
      await response.body?.cancel()
      url = new URL(location, url).href
    }
    throw new TaskError('invalid_url', `The address redirects more than ${MAX_REDIRECTS} times.`)
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #dial(url: string, signal: AbortSignal): Promise<Response> {
    const response = await fetch(url, { dispatcher: this.#agent, redirect: 'manual', signal }).catch(
      (error: unknown) => {
        throw silence(error, url, signal)
      },
    )
    if (response.status < 400) return response
    await response.body?.cancel()
    throw statusError(response.status, url)
  }

  async *#bodyOf(response: Response, url: string, signal: AbortSignal): AsyncGenerator<Buffer> {
    const { maxBytes } = this.#options
    let bytes = 0
    try {
      for await (const chunk of response.body ?? []) {
        bytes += (chunk as Uint8Array).length
        if (bytes > maxBytes) break
        yield Buffer.from(chunk as Uint8Array)
      }
    } catch (error) {
      throw silence(error, url, signal)
    }
    if (bytes > maxBytes)
      throw new TaskError('input_too_large', `The document is larger than ${maxBytes} bytes.`)
  }
}

/** What a request that broke off means: our own caller's stop, or a host that is not there or too slow. */
function silence(error: unknown, url: string, signal: AbortSignal): unknown {
  const isStopped = signal.aborted && (signal.reason as Error).name !== 'TimeoutError'
  if (isStopped) return signal.reason
  return new TaskError('network_timeout', `${hostOf(url)} did not answer in time.`, { cause: error })
}

function statusError(status: number, url: string): TaskError {
  const host = hostOf(url)
  if (status === 401 || status === 403)
    return new TaskError('access_forbidden', `${host} refuses access (${status}).`)
  if (status === 404 || status === 410)
    return new TaskError('invalid_url', `${host} has no such document (${status}).`)
  if (status === 429) return new TaskError('rate_limited', `${host} asks for fewer requests (429).`)
  return new TaskError('network_timeout', `${host} answered ${status}.`)
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'an unreadable address'
}
