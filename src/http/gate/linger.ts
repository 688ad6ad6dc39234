import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import { readStarvedMs } from '../../process/machine-load.ts'

export interface LingerLimits {
  /** Bytes of a body without length that are still read after the reply; a body with a length may be longer. */
  readonly maxBytes: number
  /** Senders below this are cut off; 0: none. */
  readonly bytesPerSecond: number
}

/** A request that was answered before its end. */
interface Lingering {
  readonly startedAt: number
  readonly bytesBefore: number
  readonly maxBytes: number
  /** The clock of `readStarvedMs` by then. */
  readonly starvedMsBefore: number
}

const LOOK_EVERY_MS = 500
/** Every sender may be this late before its speed is looked at. */
const GRACE_MS = 9000
/** No sender is waited for longer than this, and than twice of it where a starved machine makes its own clients slow. */
const MAX_MS = 60_000
/** A body that is too long for a small limit is read too, or its sender never learns of the limit. */
const ALWAYS_READ_BYTES = 8 * 1024 * 1024
/** The same for a body with a length: as many limits, or as many bytes. */
const MOST_LIMITS = 4
const MOST_BYTES = 64 * 1024 * 1024

/**
 * Keeps reading, and discards, what a client still sends when its request has been answered before its end, as an upload to
 * a full queue is. A connection that is closed with bytes unread is reset, and the client would never see the reply: many
 * send their whole body before they read. Bounded in bytes, speed and time.
 */
export function readOnAfterReply(app: FastifyInstance, { maxBytes, bytesPerSecond }: LingerLimits): void {
  const lingering = new Map<IncomingMessage, Lingering>()
  let timer: NodeJS.Timeout | undefined
  const look = () => {
    for (const [request, state] of lingering) {
      if (isRead(request)) lingering.delete(request)
      else if (isOver(request, state, bytesPerSecond)) request.socket.destroy()
    }
    if (lingering.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer)
    done()
  })
  const closing = closeOnceIdle(app)
  const readOn = (raw: IncomingMessage) => {
    if (isRead(raw) || lingering.has(raw)) return
    const declared = Number(raw.headers['content-length'] ?? 0)
    lingering.set(raw, {
      startedAt: performance.now(),
      bytesBefore: raw.socket.bytesRead,
      maxBytes: mostBytes(declared, maxBytes),
      starvedMsBefore: readStarvedMs(),
    })
    timer ??= setInterval(look, LOOK_EVERY_MS).unref()
    raw.once('close', () => {
      lingering.delete(raw)
      closing.look()
    })
    discard(raw)
  }
  afterReply(app, readOn)
}

function afterReply(app: FastifyInstance, callback: (request: IncomingMessage) => void): void {
  app.addHook('onResponse', ({ raw }, _reply, done) => {
    callback(raw)
    done()
  })
  // Over HTTP/2 a response is finished when its stream is closed, which a body that is not read prevents.
  app.addHook('onRequest', ({ raw }, reply, done) => {
    const response: object = reply.raw
    if ('stream' in response) (response.stream as ServerHttp2Stream).once('finish', () => callback(raw))
    done()
  })
}

/** Node looks for idle connections once, when a server closes: one that was not idle by then would be waited for. */
function closeOnceIdle(app: FastifyInstance): { readonly look: () => void } {
  let isClosing = false
  // A server of HTTP/2 has no such method.
  const canClose = 'closeIdleConnections' in app.server
  const look = () => {
    if (isClosing && canClose) setImmediate(() => app.server.closeIdleConnections())
  }
  app.addHook('preClose', (done) => {
    isClosing = true
    done()
  })
  app.addHook('onResponse', (_request, _reply, done) => {
    look()
    done()
  })
  return { look }
}

/** Nothing more is to come. An injected request never sets `complete`: its stream ends. */
function isRead(request: IncomingMessage): boolean {
  return request.complete || request.readableEnded || request.socket.destroyed
}

function discard(request: IncomingMessage): void {
  request.unpipe()
  request.on('error', () => undefined)
  request.resume()
}

function isOver({ socket }: IncomingMessage, state: Lingering, bytesPerSecond: number): boolean {
  const elapsed = performance.now() - state.startedAt
  const bytes = socket.bytesRead - state.bytesBefore
  const counted = elapsed - (readStarvedMs() - state.starvedMsBefore)
  const isSlow = counted > GRACE_MS && bytes < (bytesPerSecond * counted) / 1000
  return bytes > state.maxBytes || isSlow || counted > MAX_MS || elapsed > 2 * MAX_MS
}

function mostBytes(declared: number, maxBytes: number): number {
  const cap = Math.max(MOST_LIMITS * maxBytes, MOST_BYTES)
  return Math.max(maxBytes, ALWAYS_READ_BYTES, declared <= cap ? declared : 0)
}
