import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { readStarvedMs } from '../../process/machine-load.ts'
import { problemBody, PROBLEM_STATUS } from '../problem/problem.ts'
import { answerLateRequest } from './client-errors.ts'

/** What a connection was seen doing, and since when. */
interface Seen {
  /** The reply that the connection is at; null: between requests, or before the end of the headers of one. */
  readonly response: ServerResponse | null
  since: number
  bytesAtStart: number
  /** Requests that have come on this connection, and how many had by the last look. */
  requests: number
  requestsBefore: number
  /** Time in which the machine was starved of processors, ms: it is not counted, up to a bound. */
  starvedMs: number
  /** Since when the client has not taken all there is for it, and how much it had taken by then; null: it has. */
  behind: { since: number; readonly taken: number } | null
}

const LOOK_EVERY_MS = 1000
/** Every client may be this late before its speed is looked at. */
const GRACE_MS = 9000
/** For the headers of a request to arrive, ms. */
export const HEADERS_TIMEOUT_MS = 10_000
/** A starved machine makes its own clients slow: they may be later by this at the most. */
export const MAX_STARVED_MS = 15_000

/**
 * Cuts off clients that hold a connection by sending headers or a body, or taking a reply, drop by drop: headers have to be
 * there after 10 s, and after 10 s of a body or a reply the client has to have kept `bytesPerSecond` on average. Streams have
 * rules of their own and are left alone. The connections are looked at once a second, so that a request costs one look-up.
 */
export function cutOffSlowClients(server: Server, bytesPerSecond: number): void {
  const open = new Map<Socket, Seen>()
  server.on('connection', (socket: Socket) => {
    open.set(socket, createSeen(socket, null, 0))
    socket.once('close', () => open.delete(socket))
  })
  server.on('request', ({ socket }) => {
    const seen = open.get(socket)
    if (seen !== undefined) seen.requests += 1
  })
  const isBusy = createBusyMeter()
  let starvedMsBefore = readStarvedMs()
  const timer = setInterval(() => {
    const busyMs = isBusy() ? LOOK_EVERY_MS : 0
    const starvedNow = readStarvedMs()
    const starvedMs = busyMs === 0 ? starvedNow - starvedMsBefore : 0
    starvedMsBefore = starvedNow
    for (const [socket, before] of open) {
      if (isUpgraded(socket)) {
        open.delete(socket)
        continue
      }
      const seen = lookAgain(socket, before)
      open.set(socket, seen)
      // Time in which the server or the whole machine could not keep up is not the client's.
      const pardonedMs = busyMs + Math.min(starvedMs, MAX_STARVED_MS - seen.starvedMs)
      seen.starvedMs += pardonedMs - busyMs
      seen.since += pardonedMs
      if (seen.behind !== null) seen.behind.since += pardonedMs
      cutOffIfSlow(socket, seen, { now: performance.now(), floor: bytesPerSecond })
    }
  }, LOOK_EVERY_MS).unref()
  server.once('close', () => clearInterval(timer))
}

/** Returns what is known of a connection: anew where it is at another request than before. */
function lookAgain(socket: Socket, before: Seen): Seen {
  const response = responseOn(socket)
  if (response === before.response && before.requests === before.requestsBefore) return before
  return createSeen(socket, response, before.requests)
}

function cutOffIfSlow(socket: Socket, seen: Seen, measure: Measure): void {
  const { response } = seen
  if (response === null) {
    if (sendsHeadersTooSlowly(socket, seen, measure.now)) answerLateRequest(socket)
  } else if (sendsTooSlowly(response, seen, measure)) refuse(response)
  else if (takesTooSlowly(response, seen, measure)) socket.destroy()
}

/** Share of its time that the event loop may be at work before the server counts as busy. */
const BUSY_SHARE = 0.7

/** Returns whether the event loop was busy since the last call; a loop that waits for a processor counts as busy too. */
function createBusyMeter(): () => boolean {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization > BUSY_SHARE
  }
}

/** Node takes its parser from a connection that became a WebSocket. */
function isUpgraded(socket: Socket): boolean {
  const { parser } = socket as Socket & { parser?: unknown }
  return parser === null || parser === undefined
}

/** The reply that a connection is at. */
function responseOn(socket: Socket): ServerResponse | null {
  const { _httpMessage: response } = socket as Socket & { _httpMessage?: ServerResponse | null }
  return response ?? null
}

function createSeen(socket: Socket, response: ServerResponse | null, requests: number): Seen {
  return {
    response,
    since: performance.now(),
    bytesAtStart: socket.bytesRead,
    requests,
    requestsBefore: requests,
    starvedMs: 0,
    behind: null,
  }
}

interface Measure {
  readonly now: number
  /** Bytes a second. */
  readonly floor: number
}

/** A connection that waits for its next request may do so; its first one has to come. */
function sendsHeadersTooSlowly(socket: Socket, seen: Seen, now: number): boolean {
  const hasBegun = seen.requests === 0 || socket.bytesRead > seen.bytesAtStart
  if (!hasBegun) seen.since = now
  return now - seen.since > HEADERS_TIMEOUT_MS
}

function sendsTooSlowly(
  { req: request }: ServerResponse,
  { since, bytesAtStart }: Seen,
  { now, floor }: Measure,
): boolean {
  // What has arrived and waits for us is no fault of the client.
  if (request.complete || request.readableLength > 0) return false
  const elapsed = now - since
  return elapsed > GRACE_MS && request.socket.bytesRead - bytesAtStart < (floor * elapsed) / 1000
}

function takesTooSlowly(response: ServerResponse, seen: Seen, { now, floor }: Measure): boolean {
  const { socket } = response.req
  const type = response.getHeader('content-type')
  const isStream = typeof type === 'string' && type.startsWith('text/event-stream')
  if (isStream || !response.headersSent || response.writableFinished || socket.writableLength === 0) {
    seen.behind = null
    return false
  }
  const taken = socket.bytesWritten - socket.writableLength
  seen.behind ??= { since: now, taken }
  const elapsed = now - seen.behind.since
  return elapsed > GRACE_MS && taken - seen.behind.taken < (floor * elapsed) / 1000
}

/** Answers the reason, where there was no reply yet, and closes the connection. */
function refuse(response: ServerResponse): void {
  const { req: request } = response
  if (response.headersSent) return void request.socket.destroy()
  const problem = problemBody('request-timeout', { detail: 'The body came too slowly.' })
  const headers = { 'content-type': 'application/problem+json', connection: 'close' }
  response.writeHead(PROBLEM_STATUS['request-timeout'], headers)
  // The request too, so that readers of its body get an error.
  response.end(JSON.stringify(problem), () => request.destroy(new Error('the body came too slowly')))
}
