import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { problemBody, PROBLEM_STATUS } from '../problem/problem.ts'

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedAt: number
  readonly bytesAtStart: number
  /** Since when the client has not taken all there is for it, and how much it had taken by then; null: it has. */
  behind: { readonly since: number; readonly taken: number } | null
}

const LOOK_EVERY_MS = 1000
/** Every client may be this late before its speed is looked at. */
const GRACE_MS = 10_000

/**
 * Cuts off clients that hold a request open by sending it, or taking its reply, drop by drop: after 10 s they
 * have to have kept `bytesPerSecond` on average. Streams have rules of their own and are left alone.
 */
export function cutOffSlowClients(server: Server, bytesPerSecond: number): void {
  const open = new Set<Exchange>()
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const startedAt = performance.now()
    const exchange = { request, response, startedAt, bytesAtStart: request.socket.bytesRead, behind: null }
    open.add(exchange)
    response.once('close', () => open.delete(exchange))
  })
  const timer = setInterval(() => {
    const now = performance.now()
    for (const exchange of open) {
      if (sendsTooSlowly(exchange, now, bytesPerSecond)) refuse(exchange)
      else if (takesTooSlowly(exchange, now, bytesPerSecond)) exchange.request.socket.destroy()
    }
  }, LOOK_EVERY_MS).unref()
  server.once('close', () => clearInterval(timer))
}

function sendsTooSlowly({ request, startedAt, bytesAtStart }: Exchange, now: number, floor: number): boolean {
  // What has arrived and waits for us is no fault of the client.
  if (request.complete || request.readableLength > 0) return false
  const elapsed = now - startedAt
  const bytes = request.socket.bytesRead - bytesAtStart
  return elapsed > GRACE_MS && bytes < (floor * elapsed) / 1000
}

function takesTooSlowly(exchange: Exchange, now: number, floor: number): boolean {
  const { request, response } = exchange
  const { socket } = request
  const type = response.getHeader('content-type')
  const isStream = typeof type === 'string' && type.startsWith('text/event-stream')
  if (isStream || !response.headersSent || response.writableFinished || socket.writableLength === 0) {
    exchange.behind = null
    return false
  }
  const taken = socket.bytesWritten - socket.writableLength
  exchange.behind ??= { since: now, taken }
  const elapsed = now - exchange.behind.since
  return elapsed > GRACE_MS && taken - exchange.behind.taken < (floor * elapsed) / 1000
}

/** Says why, where nothing was said yet, and closes the connection. */
function refuse({ request, response }: Exchange): void {
  if (response.headersSent) return void request.socket.destroy()
  const problem = problemBody('request-timeout', { detail: 'The body came too slowly.' })
  const headers = { 'content-type': 'application/problem+json', connection: 'close' }
  response.writeHead(PROBLEM_STATUS['request-timeout'], headers)
  // The request too, so that whoever reads its body hears that no more will come.
  response.end(JSON.stringify(problem), () => request.destroy(new Error('the body came too slowly')))
}
