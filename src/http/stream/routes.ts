import type { WebSocket } from '@fastify/websocket'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { accessOf, viewOptions } from '../gate/access.ts'
import type { App } from '../deps.ts'
import { sendIssues, sendProblem, type Issue } from '../problem/problem.ts'
import { isErased, sendMissing } from '../problem/missing-task.ts'
import type { RouteDescription } from '../openapi/operation.ts'
import { problemReply } from '../schemas/responses.ts'
import { eventStreamQuery, streamQuery, taskParams } from '../schemas/requests.ts'
import { MAX_TIMER_MS } from '../../time/clock.ts'
import { Connection } from './connection.ts'
import type { Member } from './connections.ts'
import { unnumbered } from './frames.ts'
import { EVENT_STREAM_HEADERS, eventStreamSink } from './event-stream.ts'
import { MultiplexedSocket, type MultiplexedDeps } from './multiplexed-socket.ts'
import { framesFor, openStream, type StreamCursor } from './cursor.ts'
import {
  CLOSE_POLICY,
  CLOSE_UNKNOWN_TASK,
  closeSocket,
  keepAlive,
  listenTo,
  webSocketSink,
} from './web-socket.ts'

const ticketQuery = streamQuery.pick({ ticket: true })
const UNKNOWN = 'unknown query parameter'
const STREAM = { isStream: true }
const UPGRADED = { description: 'A WebSocket; its messages are those of /events.schema.json.' }
const REFUSED = {
  description: 'Refused before the upgrade.',
  content: { 'application/problem+json': { schema: problemReply } },
}
const WATCH_TASK: RouteDescription = {
  id: 'watchTask',
  tag: 'streams',
  summary: 'The events of one task, as a WebSocket',
  params: taskParams,
  query: streamQuery,
  replies: () => ({ 101: UPGRADED, default: REFUSED }),
  problems: ['not-found'],
}
const WATCH_TASKS: RouteDescription = {
  id: 'watchTasks',
  tag: 'streams',
  summary: 'The events of many tasks, as one WebSocket',
  query: ticketQuery,
  replies: () => ({ 101: UPGRADED, default: REFUSED }),
  problems: ['not-found'],
}
const STREAM_TASK: RouteDescription = {
  id: 'streamTask',
  tag: 'streams',
  summary: 'The events of one task, as server-sent events',
  query: eventStreamQuery,
  headers: z.object({ 'last-event-id': z.string().optional() }),
  replies: ({ events }) => ({
    200: {
      description: 'Numbered events, resumable by ?after= or Last-Event-ID.',
      content: { 'text/event-stream': { schema: { type: 'string' }, example: events } },
    },
    204: { description: 'The reader has seen the end of the task.' },
  }),
  problems: ['validation', 'task-not-found', 'task-gone'],
}

const STREAM_QUEUE: RouteDescription = {
  id: 'streamQueue',
  tag: 'streams',
  summary: 'The whole queue as it changes, as server-sent events',
  replies: () => ({
    200: {
      description: 'A board, then ticks with what has changed; without numbers.',
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    },
  }),
  problems: ['validation'],
}

/** `WS /ws/{id}` and `SSE /api/tasks/{id}/stream`: the same numbered events; `WS /api/ws`: those of many tasks. */
export function streamRoutes(app: App, deps: MultiplexedDeps): void {
  const handler = (_request: FastifyRequest, reply: FastifyReply) =>
    sendProblem(reply, 'not-found', { detail: 'This route is a WebSocket: ask for it with an upgrade.' })
  app.route({
    method: 'GET',
    url: '/ws/:id',
    exposeHeadRoute: false,
    config: { gate: STREAM, openapi: WATCH_TASK },
    handler,
    wsHandler: (socket, request) => openWebSocket(deps, socket, request),
  })
  app.route({
    method: 'GET',
    url: '/api/ws',
    exposeHeadRoute: false,
    config: { gate: STREAM, openapi: WATCH_TASKS },
    handler,
    wsHandler: (socket, request) => {
      keepAlive(socket)
      if (!ticketQuery.safeParse(request.query).success) return closeSocket(socket, CLOSE_POLICY, UNKNOWN)
      const many = new MultiplexedSocket(deps, socket, request)
      listenTo(socket, (message) => many.onMessage(message))
    },
  })
  // The limit of a host for its handlers would cut off what streams for hours.
  const { handlerTimeout = 0 } = app.initialConfig as { readonly handlerTimeout?: number }
  const lasting = handlerTimeout > 0 ? { handlerTimeout: MAX_TIMER_MS } : {}
  const queueOptions = {
    ...lasting,
    schema: { querystring: ticketQuery },
    config: { gate: STREAM, openapi: STREAM_QUEUE },
    exposeHeadRoute: false,
  }
  app.get('/api/queue/stream', queueOptions, (request, reply) => openQueueStream(deps, request, reply))
  const config = { gate: STREAM, openapi: STREAM_TASK }
  const options = { ...lasting, schema: { params: taskParams }, config, exposeHeadRoute: false }
  app.get('/api/tasks/:id/stream', options, (request, reply) => openEventStream(deps, request, reply))
}

/** Parameters are checked here, after the upgrade, so that a client learns why from the close code. */
async function openWebSocket(
  deps: MultiplexedDeps,
  socket: WebSocket,
  request: FastifyRequest,
): Promise<void> {
  keepAlive(socket)
  listenTo(socket, () => undefined)
  const { unknown, after } = parsePlace(request, streamQuery)
  if (unknown !== null) return closeSocket(socket, CLOSE_POLICY, UNKNOWN)
  const { id } = request.params as { id: string }
  const access = accessOf(request)
  const reader = { access, view: viewOptions(request) }
  const reading = await openStream(deps, reader, { id, after })
  switch (reading.kind) {
    case 'unknown':
      return closeSocket(
        socket,
        CLOSE_UNKNOWN_TASK,
        (await isErased(deps, access, id)) ? 'task erased' : 'unknown task',
      )
    case 'wrong-place':
      return closeSocket(socket, CLOSE_POLICY, `after: ${reading.message}`)
    case 'open': {
      const connection = new Connection(webSocketSink(socket), reading.subscription, access.isStillGranted)
      socket.on('close', () => connection.end('finished'))
      run(deps, connection, { ...reading, isGone: socket.readyState !== socket.OPEN })
    }
  }
}

async function openEventStream(
  deps: MultiplexedDeps,
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { unknown, after } = parsePlace(request, eventStreamQuery)
  if (unknown !== null) return sendIssues(reply, 'validation', [unknown])
  const { id } = request.params
  const access = accessOf(request)
  const reader = { access, view: viewOptions(request) }
  const reading = await openStream(deps, reader, { id, after })
  switch (reading.kind) {
    case 'unknown':
      return sendMissing(deps, request, reply)
    case 'wrong-place':
      return sendIssues(reply, 'validation', [{ path: 'after', message: reading.message }])
    case 'open': {
      if (reading.hasSeenAll) {
        reading.subscription.close()
        // 204 makes EventSource stop reconnecting.
        return reply.code(204).send()
      }
      const sink = eventStreamSink()
      const connection = new Connection(sink, reading.subscription, access.isStillGranted)
      reply.raw.on('close', () => connection.end('finished'))
      run(deps, connection, { ...reading, isGone: reply.raw.destroyed })
      return reply.headers(EVENT_STREAM_HEADERS).send(sink.body)
    }
  }
}

/** The board over server-sent events; the first frame after a reconnect shows everything anew. */
function openQueueStream(deps: MultiplexedDeps, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { caller, onlyTask, isStillGranted } = accessOf(request)
  if (onlyTask !== null) return sendProblem(reply, 'forbidden', { detail: 'A ticket shows its task alone.' })
  // It left while a hook of the host was awaited: its `close` was emitted already.
  if (reply.raw.destroyed) return reply
  const sink = eventStreamSink()
  const unwatch = deps.board.watch({ viewer: caller, view: viewOptions(request), sink })
  const member: Member = {
    isStillGranted,
    send: (body) => void (sink.isFlushed && sink.send(unnumbered(body)).catch(() => undefined)),
    end: (reason) => sink.end(reason),
  }
  deps.connections.add(member)
  reply.raw.on('close', () => {
    unwatch()
    deps.connections.remove(member)
  })
  return reply.headers(EVENT_STREAM_HEADERS).send(sink.body)
}

interface Watch extends StreamCursor {
  /** The reader left while the journal, or a hook of the host, was awaited: its `close` was emitted already. */
  readonly isGone: boolean
}

function run(deps: MultiplexedDeps, connection: Connection, watch: Watch): void {
  if (watch.isGone) return connection.end('finished')
  deps.connections.add(connection)
  void connection.run(framesFor(deps, watch)).finally(() => deps.connections.remove(connection))
}

interface Place {
  /** A parameter of the query that there is none of. */
  readonly unknown: Issue | null
  /** The number to resume after; undefined: what was given is no number. */
  readonly after: number | undefined
}

/**
 * Where a stream begins: after the largest of `?after=`, Last-Event-ID and `?lastEventId=`, else 0. An EventSource reconnects
 * to the same address, and its header is newer; libraries that put the number into the address name it so. Not by the schema
 * of the route: why `after` is wrong depends on the task.
 */
function parsePlace(
  { query, headers }: FastifyRequest,
  schema: typeof streamQuery | typeof eventStreamQuery,
): Place {
  const { success, data, error } = schema.safeParse(query)
  const unknown = error?.issues.find(({ code }) => code === 'unrecognized_keys')
  if (unknown !== undefined) return { unknown: { path: '', message: unknown.message }, after: undefined }
  if (!success) return { unknown: null, after: undefined }
  const inAddress = 'lastEventId' in data ? data.lastEventId : undefined
  const numbers = [headers['last-event-id'], inAddress].map((id) =>
    id === undefined || id === '' ? 0 : streamQuery.safeParse({ after: id }).data?.after,
  )
  return { unknown: null, after: numbers.reduce(largest, data.after ?? 0) }
}

/** undefined where one of them is. */
function largest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.max(one, other)
}
