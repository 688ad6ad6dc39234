import type { WebSocket } from '@fastify/websocket'
import type { Sink, StreamEnd } from './connection.ts'
import type { Frame } from './frames.ts'

/** Bytes that may wait in a socket before its reader is waited for. */
const MAX_BUFFERED_BYTES = 64 * 1024
/** A reader that does not take the close frame is cut off after this long. */
const CLOSE_GRACE_MS = 2000
const PING_MS = 20_000

export const CLOSE_UNKNOWN_TASK = 4001
export const CLOSE_POLICY = 1008
const CLOSE_CODES: Record<StreamEnd, readonly [code: number, reason: string]> = {
  finished: [1000, 'finished'],
  'going-away': [1001, 'server going away'],
  'too-slow': [4408, 'too slow a reader: resume by number'],
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
      const [code, text] = CLOSE_CODES[reason]
      closeSocket(socket, code, text)
    },
  }
}

export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason)
  const cutOff = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS)
  socket.once('close', () => clearTimeout(cutOff))
}

/** Answers the client's `ping`, and cuts off a peer that no longer answers ours. */
export function keepAlive(socket: WebSocket): void {
  let isAlive = true
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, PING_MS)
  socket.on('pong', () => (isAlive = true))
  socket.on('close', () => clearInterval(timer))
  socket.on('message', (data, isBinary) => {
    if (!isBinary && isPing((data as Buffer).toString('utf8'))) socket.send('{"type":"pong"}')
  })
}

/** The original's text `ping`, or `{"op":"ping"}`. */
function isPing(message: string): boolean {
  if (message === 'ping') return true
  try {
    return (JSON.parse(message) as { op?: unknown } | null)?.op === 'ping'
  } catch {
    return false
  }
}
