import type { WebSocket } from '@fastify/websocket'
import type { Sink, StreamEnd } from './connection.ts'
import type { Frame } from './frames.ts'

/** Bytes that may wait in a socket before its reader is waited for. */
const MAX_BUFFERED_BYTES = 64 * 1024
/** A reader that does not take the close frame is cut off after this long. */
const CLOSE_GRACE_MS = 2000
const PING_MS = 20_000
/** Limits for messages of a client: small and rare. */
export const MAX_MESSAGE_BYTES = 4096
/** A burst that allows watching the maximum of tasks, and this many a second afterwards. */
const MESSAGES_AT_ONCE = 120
const MESSAGES_PER_SECOND = 20

const CLOSE_UNSUPPORTED = 1003
export const CLOSE_POLICY = 1008
const CLOSE_TOO_BIG = 1009
export const CLOSE_UNKNOWN_TASK = 4001
const CLOSE_CODES: Record<StreamEnd, readonly [code: number, reason: string]> = {
  finished: [1000, 'finished'],
  'going-away': [1001, 'server going away'],
  'too-slow': [4408, 'too slow a reader: resume by number'],
  revoked: [1008, 'no longer allowed'],
  busy: [1013, 'try again later: resume by number'],
  failed: [1011, 'stream failed: resume by number'],
}

/** A WebSocket as a sink: waits for the reader once 64 KB are on their way. */
export function webSocketSink(socket: WebSocket): Sink {
  return {
    get isFlushed() {
      return socket.readyState === socket.OPEN && socket.bufferedAmount === 0
    },
    send(frame: Frame): Promise<void> {
      return new Promise((resolve, reject) => {
        const isBehind = socket.bufferedAmount > MAX_BUFFERED_BYTES
        socket.send(frame.text, (error) => (error == null ? resolve() : reject(error)))
        if (!isBehind) resolve()
      })
    },
    end(reason: StreamEnd): void {
      endSocket(socket, reason)
    },
  }
}

export function endSocket(socket: WebSocket, reason: StreamEnd): void {
  const [code, text] = CLOSE_CODES[reason]
  closeSocket(socket, code, text)
}

export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState !== socket.OPEN) return
  socket.close(code, reason)
  const cutOff = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS)
  socket.once('close', () => clearTimeout(cutOff))
}

/** Cuts off a peer that no longer answers our pings. */
export function keepAlive(socket: WebSocket): void {
  let isAlive = true
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, PING_MS)
  socket.on('pong', () => (isAlive = true))
  socket.on('close', () => clearInterval(timer))
}

/**
 * Handles messages of a client: answers `ping` (the legacy text, or `{"op":"ping"}`), and passes every other
 * message, which is JSON. Closes the socket of one that sends anything else, too much, or too often.
 */
export function listenTo(socket: WebSocket, heard: (message: unknown) => void): void {
  let left = MESSAGES_AT_ONCE
  let heardAt = performance.now()
  socket.on('message', (raw, isBinary) => {
    const data = raw as Buffer
    if (socket.readyState !== socket.OPEN) return
    const now = performance.now()
    left = Math.min(MESSAGES_AT_ONCE, left + ((now - heardAt) / 1000) * MESSAGES_PER_SECOND) - 1
    heardAt = now
    if (left < 0) return closeSocket(socket, CLOSE_POLICY, 'too many messages')
    if (data.length > MAX_MESSAGE_BYTES) return closeSocket(socket, CLOSE_TOO_BIG, 'message too big')
    const message = isBinary ? undefined : toMessage(data.toString('utf8'))
    if (message === undefined) return closeSocket(socket, CLOSE_UNSUPPORTED, 'expected JSON')
    if (isPing(message)) return socket.send('{"type":"pong"}')
    heard(message)
  })
}

function isPing(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'op' in message && message.op === 'ping'
}

function toMessage(text: string): unknown {
  if (text === 'ping') return { op: 'ping' }
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
