import { PassThrough } from 'node:stream'
import type { Sink } from './connection.ts'
import type { Frame } from './frames.ts'

/** What EventSource waits before it reconnects. */
const RETRY_MS = 3000
const CLOSE_GRACE_MS = 2000

export const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
} as const

/** An event stream (WHATWG HTML, server-sent events) as a sink; `body` is the reply. */
export function eventStreamSink(): Sink & { readonly body: PassThrough } {
  const body = new PassThrough()
  body.write(`retry: ${RETRY_MS}\n\n`)
  return {
    body,
    get isFlushed() {
      return body.writableLength === 0 && body.readableLength === 0
    },
    async send(frame: Frame): Promise<void> {
      // JSON text has no line breaks, so one data line holds it.
      const id = frame.seq === null ? '' : `id: ${frame.seq}\n`
      if (!body.write(`event: message\n${id}data: ${frame.text}\n\n`)) await drained(body)
    },
    end(reason): void {
      if (reason === 'too-slow') return void body.destroy()
      body.end()
      // A reader that does not take the rest is cut off.
      const cutOff = setTimeout(() => body.destroy(), CLOSE_GRACE_MS)
      body.once('close', () => clearTimeout(cutOff))
    },
  }
}

/** Settles when the reader has caught up or has gone. */
function drained(body: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      body.off('drain', done)
      body.off('close', done)
      resolve()
    }
    body.on('drain', done)
    body.on('close', done)
    if (body.destroyed) done()
  })
}
