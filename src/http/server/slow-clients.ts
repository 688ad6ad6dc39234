import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createStarvationMeter } from '../../process/machine-load.ts'
import { problemBody, PROBLEM_STATUS } from '../problem/problem.ts'

/** What a connection was seen doing, and since when. */
interface Seen {
  readonly response: ServerResponse
  since: number
  readonly bytesAtStart: number
  /** Time in which the machine was starved of processors, ms: it is not counted, up to a bound. */
  starvedMs: number
  /** Since when the client has not taken all there is for it, and how much it had taken by then; null: it has. */
  behind: { since: number; readonly taken: number } | null
}

const LOOK_EVERY_MS = 1000
/** Every client may be this late before its speed is looked at. */
const GRACE_MS = 9000
/** A starved machine makes its own clients slow: they may be later by this at the most. */
const MAX_STARVED_MS = 15_000

/**
 * Cuts off clients that hold a request open by sending it, or taking its reply, drop by drop: after 10 s they
 * have to have kept `bytesPerSecond` on average. Streams have rules of their own and are left alone. The
 * connections are looked at once a second, so that a request costs nothing.
 */
export function cutOffSlowClients(server: Server, bytesPerSecond: number): void {
  const open = new Map<Socket, Seen | null>()
  server.on('connection', (socket: Socket) => {
    open.set(socket, null)
    socket.once('close', () => open.delete(socket))
  })
  const isBusy = createBusyMeter()
  const isStarved = createStarvationMeter()
  const timer = setInterval(() => {
    const now = performance.now()
    const busyMs = isBusy() ? LOOK_EVERY_MS : 0
    const starvedMs = isStarved() && busyMs === 0 ? LOOK_EVERY_MS : 0
    for (const [socket, before] of open) {
      const response = responseOn(socket)
      const seen =
        response === null || before?.response === response ? before : createSeen(socket, response, now)
      open.set(socket, response === null ? null : seen)
      if (response === null || seen === null) continue
      // Time in which the server or the whole machine could not keep up is not the client's.
      const pardonedMs = busyMs + Math.min(starvedMs, MAX_STARVED_MS - seen.starvedMs)
      seen.starvedMs += pardonedMs - busyMs
      seen.since += pardonedMs
      if (seen.behind !== null) seen.behind.since += pardonedMs
      if (sendsTooSlowly(socket, seen, { now, floor: bytesPerSecond })) refuse(response)
      else if (takesTooSlowly(socket, seen, { now, floor: bytesPerSecond })) socket.destroy()
    }
  }, LOOK_EVERY_MS).unref()
  server.once('close', () => clearInterval(timer))
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

/** The reply that a connection is at; an upgraded one is at none. */
function responseOn(socket: Socket): ServerResponse | null {
  const { _httpMessage: response } = socket as Socket & { _httpMessage?: ServerResponse | null }
  return response ?? null
}

function createSeen(socket: Socket, response: ServerResponse, now: number): Seen {
  return { response, since: now, bytesAtStart: socket.bytesRead, starvedMs: 0, behind: null }
}

interface Measure {
  readonly now: number
  /** Bytes a second. */
  readonly floor: number
}

function sendsTooSlowly(
  socket: Socket,
  { response, since, bytesAtStart }: Seen,
  { now, floor }: Measure,
): boolean {
  const { req: request } = response
  // What has arrived and waits for us is no fault of the client.
  if (request.complete || request.readableLength > 0) return false
  const elapsed = now - since
  return elapsed > GRACE_MS && socket.bytesRead - bytesAtStart < (floor * elapsed) / 1000
}

function takesTooSlowly(socket: Socket, seen: Seen, { now, floor }: Measure): boolean {
  const { response } = seen
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
