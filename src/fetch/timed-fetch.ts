import type { Agent, buildConnector, fetch } from 'undici'
import { TaskError } from '../task/failure.ts'
import { hostOf } from './failures.ts'

/** Durations in ms. */
export interface CallLimits {
  /** Name, connection and TLS. */
  readonly connectMs: number
  /** From the request to the first byte of the reply. */
  readonly firstByteMs: number
  /** Between two pieces of the reply. */
  readonly idleMs: number
  readonly totalMs: number
  /** Of the reply, decoded. */
  readonly maxBytes: number
}

export type Fetch = typeof globalThis.fetch

interface Client {
  readonly agent: Agent
  readonly send: typeof fetch
}

/**
 * A fetch for addresses that the operator has named, such as a model's: every way to hang has a limit of its own, and
 * after any of them the socket is gone. Replies are streamed.
 */
export class TimeoutFetch {
  readonly #limits: CallLimits
  /** Loaded with the first call: the library is a tenth of a start. */
  #client: Promise<Client> | null = null

  constructor(limits: CallLimits) {
    this.#limits = limits
  }

  /** @throws TaskError `network_timeout` with the limit that was passed, `execution_error` for too long a reply. */
  readonly fetch: Fetch = async (input, init = {}) => {
    const url = input instanceof Request ? input.url : input.toString()
    const { totalMs, firstByteMs } = this.#limits
    const { agent, send } = await (this.#client ??= this.#load())
    const watch = new Watch(url)
    watch.limit(totalMs, `did not finish its reply within ${totalMs / 1000} s`)
    watch.expect(firstByteMs, `sent nothing for ${firstByteMs / 1000} s`)
    const signals = [watch.signal, ...(init.signal == null ? [] : [init.signal])]
    try {
      const signal = AbortSignal.any(signals)
      const options = { ...init, signal, dispatcher: agent, redirect: 'error' }
      const response = await send(url, options as Parameters<typeof fetch>[1])
      const body =
        response.body === null ? null : this.#watched(response.body as ReadableStream<Uint8Array>, watch)
      if (body === null) watch.end()
      const { status, statusText } = response
      return new Response(body, { status, statusText, headers: Object.fromEntries(response.headers) })
    } catch (error) {
      watch.end()
      throw watch.failure ?? error
    }
  }

  async close(): Promise<void> {
    await (await this.#client)?.agent.destroy()
  }

  async #load(): Promise<Client> {
    const { Agent, buildConnector, fetch: send } = await import('undici')
    const connect = connectWithin(buildConnector({ timeout: 0 }), this.#limits.connectMs)
    // The library's own timers tick in seconds; ours are exact.
    return { agent: new Agent({ connect, headersTimeout: 0, bodyTimeout: 0 }), send }
  }

  /** The reply, as long as it keeps coming. */
  #watched(body: ReadableStream<Uint8Array>, watch: Watch): ReadableStream<Uint8Array> {
    const { idleMs, maxBytes } = this.#limits
    const reader = body.getReader()
    let bytes = 0
    return new ReadableStream({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read()
          if (done) {
            watch.end()
            return controller.close()
          }
          bytes += value.length
          if (bytes > maxBytes) throw watch.tooLong(maxBytes)
          watch.expect(idleMs, `stopped in the middle of its reply for ${idleMs / 1000} s`)
          controller.enqueue(value)
        } catch (error) {
          watch.end()
          void reader.cancel().catch(() => undefined)
          controller.error(watch.failure ?? error)
        }
      },
      cancel: async (reason) => {
        watch.end()
        await reader.cancel(reason)
      },
    })
  }
}

/** The timers of one call. */
class Watch {
  readonly #host: string
  readonly #controller = new AbortController()
  #total: NodeJS.Timeout | undefined
  #next: NodeJS.Timeout | undefined
  failure: TaskError | null = null

  constructor(url: string) {
    this.#host = hostOf(url)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  limit(ms: number, what: string): void {
    this.#total = setTimeout(() => this.#fail(what), ms)
  }

  /** Something has to come within this time. */
  expect(ms: number, what: string): void {
    clearTimeout(this.#next)
    this.#next = setTimeout(() => this.#fail(what), ms)
  }

  tooLong(maxBytes: number): TaskError {
    this.failure = new TaskError('execution_error', `${this.#host} sent more than ${maxBytes} bytes.`)
    this.#controller.abort(this.failure)
    return this.failure
  }

  end(): void {
    clearTimeout(this.#total)
    clearTimeout(this.#next)
  }

  #fail(what: string): void {
    this.failure = new TaskError('network_timeout', `${this.#host} ${what}.`)
    this.#controller.abort(this.failure)
  }
}

/** Dials with a timer of our own. */
function connectWithin(dial: buildConnector.connector, ms: number): buildConnector.connector {
  return (options, callback) => {
    const what = `${options.hostname} took no connection within ${ms / 1000} s.`
    // It returns the socket at once, though its types do not declare it.
    const socket = dial(options, (...[error, connected]: Parameters<typeof callback>) => {
      clearTimeout(timer)
      if (error === null) callback(null, connected)
      else callback(error, null)
    }) as unknown as { destroy: (error: Error) => void } | undefined
    const timer = setTimeout(() => socket?.destroy(new TaskError('network_timeout', what)), ms)
  }
}
