import type { FastifyReply, FastifyRequest } from 'fastify'
import type { WebSocket } from '@fastify/websocket'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { App, EdgeParts } from '../parts.ts'
import { sendIssues, sendProblem } from '../problem.ts'
import { streamQuery, taskParams } from '../schema.ts'
import { Connection } from './connection.ts'
import { EVENT_STREAM_HEADERS, eventStreamSink } from './event-stream.ts'
import { framesOf } from './frames.ts'
import { CLOSE_POLICY, CLOSE_UNKNOWN_TASK, closeSocket, keepAlive, webSocketSink } from './web-socket.ts'

/** `WS /ws/{id}` and `SSE /api/tasks/{id}/stream`: the same numbered events. */
export function streamRoutes(app: App, parts: EdgeParts): void {
  app.get('/ws/:id', { websocket: true }, (socket, request) => openWebSocket(parts, socket, request))

  const options = { schema: { params: taskParams }, exposeHeadRoute: false }
  app.get('/api/tasks/:id/stream', options, (request, reply) => openEventStream(parts, request, reply))
}

/** Parameters are checked here, after the upgrade, so that a client learns why from the close code. */
async function openWebSocket(parts: EdgeParts, socket: WebSocket, request: FastifyRequest): Promise<void> {
  keepAlive(socket)
  const { id } = request.params as { id: string }
  const subscription = parts.feed.subscribe(id)
  const task = await parts.journal.task(id)
  const after = task === undefined ? undefined : afterOf(request, task)
  if (task === undefined || after === undefined) {
    subscription.close()
    if (task === undefined) closeSocket(socket, CLOSE_UNKNOWN_TASK, 'unknown task')
    else closeSocket(socket, CLOSE_POLICY, `after: expected a whole number up to ${task.lastSeq}`)
    return
  }
  const connection = new Connection(webSocketSink(socket), subscription)
  socket.on('close', () => connection.end('finished'))
  run(parts, connection, { id, after, subscription, isGone: socket.readyState !== socket.OPEN })
}

async function openEventStream(
  parts: EdgeParts,
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { id } = request.params
  const subscription = parts.feed.subscribe(id)
  const task = await parts.journal.task(id)
  const after = task === undefined ? undefined : afterOf(request, task)
  const hasSeenAll = task !== undefined && after === task.lastSeq && isTerminal(task.status)
  if (task === undefined || after === undefined || hasSeenAll) {
    subscription.close()
    if (task === undefined) return sendProblem(reply, 'task-not-found', { detail: `There is no task ${id}.` })
    // 204 tells EventSource to stop reconnecting.
    if (hasSeenAll) return reply.code(204).send()
    const message = `expected a whole number from 0 to ${task.lastSeq}, the newest event`
    return sendIssues(reply, 'validation', [{ path: 'after', message }])
  }
  const sink = eventStreamSink()
  const connection = new Connection(sink, subscription)
  reply.raw.on('close', () => connection.end('finished'))
  run(parts, connection, { id, after, subscription, isGone: reply.raw.destroyed })
  return reply.headers(EVENT_STREAM_HEADERS).send(sink.body)
}

interface Reading {
  readonly id: string
  readonly after: number
  readonly subscription: ReturnType<EdgeParts['feed']['subscribe']>
  /** The reader left while the journal, or a hook of the host, was waited for: its `close` was not heard. */
  readonly isGone: boolean
}

function run(parts: EdgeParts, connection: Connection, reading: Reading): void {
  const { id, after, subscription, isGone } = reading
  if (isGone) return connection.end('finished')
  const { journal, connections, prefix, pool } = parts
  connections.add(connection)
  const frames = framesOf({
    journal,
    subscription,
    taskId: id,
    after,
    prefix,
    placeOf: (task) => pool.placeOf(task.id),
  })
  void connection.run(frames).finally(() => connections.remove(connection))
}

/** The number to resume after: `?after=`, else Last-Event-ID, else 0; undefined when it cannot be. */
function afterOf(request: FastifyRequest, task: Task): number | undefined {
  const header = request.headers['last-event-id']
  const query = streamQuery.safeParse(request.query)
  if (!query.success) return undefined
  const fromHeader =
    typeof header === 'string' && header !== '' ? streamQuery.safeParse({ after: header }) : null
  if (fromHeader?.success === false) return undefined
  const after = query.data.after ?? fromHeader?.data.after ?? 0
  return after <= task.lastSeq ? after : undefined
}
