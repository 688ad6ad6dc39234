import { pino, stdSerializers, type Logger } from 'pino'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a log line has of requests and replies: never a query, a header or a body. */
const LOG_DISCRETION = {
  serializers: {
    req: ({ method, url }: { method?: string; url?: string }) => ({ method, path: url?.split('?', 1)[0] }),
    res: ({ statusCode }: { statusCode?: number }) => ({ statusCode }),
    err: describeError,
  },
  // The reader of uploads writes all of a request's headers down, at the level trace.
  redact: { paths: ['headers', '*.headers'], remove: true },
}

/** What a handler throws may have getters that throw; a line of the log must not. */
function describeError(error: Error): object {
  try {
    return stdSerializers.err(error)
  } catch {
    return { message: 'an error that cannot be read' }
  }
}

export interface Log {
  readonly log: Logger
  /** Settles when every line was written, or after `maxMs`: a log without a reader blocks nothing. */
  readonly flush: (maxMs: number) => Promise<void>
}

/** Text that may wait for a slow reader of the log; what comes then is dropped, and counted. */
const MAX_WAITING_CHARS = 4 * 1024 * 1024
const LOOK_EVERY_MS = 10

/** The log of the process on standard output: one JSON object a line, or `pretty` for reading. */
export async function createLog(level: string, format: 'json' | 'pretty'): Promise<Log> {
  const toText = format === 'json' ? null : await loadPretty()
  const output = new LogOutput(process.stdout, toText)
  const log = pino({ level, ...LOG_DISCRETION }, output)
  output.onDropped = (lines) => log.warn({ lines }, 'log lines dropped: the reader is too slow')
  return { log, flush: (maxMs) => output.flush(maxMs) }
}

async function loadPretty(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty')
  return prettyFactory({ ignore: 'pid,hostname', colorize: process.stdout.isTTY })
}

/** Writes the lines of one turn of the event loop at once, and never waits for their reader. */
class LogOutput {
  readonly #stream: NodeJS.WriteStream
  readonly #toText: ((line: string) => string) | null
  #lines: string[] = []
  #dropped = 0
  #isBroken = false
  onDropped: (lines: number) => void = () => undefined

  constructor(stream: NodeJS.WriteStream, toText: ((line: string) => string) | null) {
    this.#stream = stream
    this.#toText = toText
    // Its reader has gone, or its terminal was closed.
    stream.on('error', () => (this.#isBroken = true))
  }

  write(line: string): void {
    if (this.#lines.length === 0) setImmediate(() => this.flushSync())
    this.#lines.push(line)
  }

  /** Hands over what has been written; also called by pino for fatal lines. */
  flushSync(): void {
    const lines = this.#lines
    this.#lines = []
    if (lines.length === 0 || this.#isBroken) return
    if (this.#stream.writableLength > MAX_WAITING_CHARS) {
      this.#dropped += lines.length
      return
    }
    const { length } = lines
    this.#stream.write(this.#toText === null ? lines.join('') : lines.map(this.#toText).join(''))
    if (this.#dropped === 0 || length === 0) return
    this.onDropped(this.#dropped)
    this.#dropped = 0
  }

  async flush(maxMs: number): Promise<void> {
    this.flushSync()
    const startedAt = performance.now()
    while (!this.#isBroken && this.#stream.writableLength > 0 && performance.now() - startedAt < maxMs) {
      await sleep(LOOK_EVERY_MS)
    }
  }
}
