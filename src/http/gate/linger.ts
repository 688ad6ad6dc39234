import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'

export interface LingerLimits {
  /** Bytes that are still taken after the reply. */
  readonly maxBytes: number
  /** Senders below this are cut off; 0: none. */
  readonly bytesPerSecond: number
}

const LOOK_EVERY_MS = 500
/** Every sender may be this late before its speed is looked at. */
const GRACE_MS = 9000
const MAX_MS = 60_000

/**
 * Reads on, and throws away, what a client still sends when its request has been answered before its end, as an upload to
 * a full queue is. A connection that is closed with bytes unread is reset, and the client would never see the reply: many
 * send their whole body before they read. Bounded in bytes, speed and time.
 */
export function readOnAfterReply(app: FastifyInstance, limits: LingerLimits): void {
  app.addHook('onResponse', (request, _reply, done) => {
    const { raw } = request
    if (!raw.complete && !raw.socket.destroyed) linger(raw, limits)
    done()
  })
}

function linger(request: IncomingMessage, { maxBytes, bytesPerSecond }: LingerLimits): void {
  const { socket } = request
  const startedAt = performance.now()
  const readBefore = socket.bytesRead
  request.unpipe()
  request.on('error', () => undefined)
  request.resume()
  const timer = setInterval(() => {
    const elapsed = performance.now() - startedAt
    const bytes = socket.bytesRead - readBefore
    const isSlow = elapsed > GRACE_MS && bytes < (bytesPerSecond * elapsed) / 1000
    if (request.complete || socket.destroyed) clearInterval(timer)
    else if (bytes > maxBytes || isSlow || elapsed > MAX_MS) socket.destroy()
  }, LOOK_EVERY_MS)
  timer.unref()
  request.once('close', () => clearInterval(timer))
}
