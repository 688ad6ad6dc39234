import { createParser } from 'eventsource-parser'
import { readFailure, type Http, type Query } from './http.ts'
import type { Frame } from './types.ts'
import { pauseMs, sleep } from './wait.ts'

/** A refusal that passes, and a proxy whose server is away. */
const PASSING = new Set([429, 502, 503, 504])
/** The server sends a heartbeat every 15 s: a connection that is silent for longer is dead. */
const SILENCE_MS = 45_000
const LASTING_MS = 5000

export interface StreamOptions {
  readonly query: () => Query
  readonly signal: AbortSignal
  /** Called when a connection is open, and when it was lost. */
  readonly onConnection?: ((isOpen: boolean) => void) | undefined
}

/** How one connection ended. */
type ConnectionEnd =
  | { readonly kind: 'over' }
  | { readonly kind: 'refused'; readonly failure: Error }
  /** It is to be made anew after this time; null: after the usual pause. */
  | { readonly kind: 'lost'; readonly waitMs: number | null; readonly hasRead: boolean }

/**
 * The frames of an event stream, over as many connections as it takes; ends when the server has nothing more (204), or
 * when the consumer stops.
 *
 * @throws RequestFailed for a refusal that does not pass, and the reason of the signal when it is aborted
 */
export async function* streamFrames(
  http: Http,
  path: string,
  options: StreamOptions,
): AsyncGenerator<Frame, void, undefined> {
  const { signal, onConnection } = options
  for (let tries = 0; ; tries += 1) {
    signal.throwIfAborted()
    const end = yield* readConnection(http, path, options)
    signal.throwIfAborted()
    if (end.kind === 'over') return
    if (end.kind === 'refused') throw end.failure
    if (end.hasRead) tries = 0
    onConnection?.(false)
    await sleep(end.waitMs ?? pauseMs(tries), signal)
  }
}

/** The frames of one connection, as long as it lasts. */
async function* readConnection(
  http: Http,
  path: string,
  { query, signal, onConnection }: StreamOptions,
): AsyncGenerator<Frame, ConnectionEnd, undefined> {
  const silence = new AbortController()
  let watchdog = setTimeout(() => silence.abort(), SILENCE_MS)
  let waitMs: number | null = null
  const startedAt = Date.now()
  let hasRead = false
  try {
    const response = await http.send('GET', path, {
      query: query(),
      headers: { accept: 'text/event-stream' },
      signal: AbortSignal.any([signal, silence.signal]),
    })
    if (response.status === 204) return { kind: 'over' }
    if (!response.ok || response.body === null) return await toEnd(response)
    onConnection?.(true)
    for await (const data of parseEvents(response.body)) {
      clearTimeout(watchdog)
      watchdog = setTimeout(() => silence.abort(), SILENCE_MS)
      const frame = JSON.parse(data) as Frame
      hasRead ||= frame.seq !== undefined
      if (frame.type === 'shutdown') waitMs = Number(frame['reconnect_after_ms'])
      else yield frame
    }
  } catch {
    // No connection, or one that was lost.
  } finally {
    clearTimeout(watchdog)
  }
  // A connection that got on, or lasted, did well: the next one is made at once.
  return { kind: 'lost', waitMs, hasRead: hasRead || Date.now() - startedAt > LASTING_MS }
}

async function toEnd(response: Response): Promise<ConnectionEnd> {
  const failure = await readFailure(response)
  if (!PASSING.has(response.status)) return { kind: 'refused', failure }
  const { retryAfter } = failure
  return { kind: 'lost', waitMs: retryAfter === null ? null : retryAfter * 1000, hasRead: false }
}

/** The data of each event, as the bytes come. */
async function* parseEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const found: string[] = []
  const parser = createParser({ onEvent: ({ data }) => found.push(data) })
  const decoder = new TextDecoder()
  // Streams of browsers are not all async iterable.
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
      yield* found.splice(0)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}
