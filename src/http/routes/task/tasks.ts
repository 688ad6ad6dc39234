import type { FastifyReply, FastifyRequest } from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import { accessOf, visibleTask, type Access } from '../../gate/access.ts'
import type { App, EdgeParts } from '../../parts.ts'
import { sendProblem } from '../../problem/problem.ts'
import { sendMissing, sendUnknown } from './missing.ts'
import { listQuery, noQuery, taskParams, taskQuery } from '../../wire/schema.ts'
import { sendText } from '../../wire/long-text.ts'
import { taskJson, taskView, urlsOf } from '../../wire/wire.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
/** Log lines that `/status` repeats, as the original did. */
const STATUS_LOGS = 10
/** They are looked for among so many events. */
const NEWEST_EVENTS = 200

/** Reading and cancelling tasks under `/api/tasks`. */
export function taskRoutes(app: App, parts: EdgeParts): void {
  const schema = { params: taskParams, querystring: noQuery }

  app.get('/api/tasks', { schema: { querystring: listQuery } }, (request) =>
    list(parts, accessOf(request), request.query),
  )

  app.get('/api/tasks/:id', { schema: { ...schema, querystring: taskQuery } }, async (request, reply) => {
    const { id } = request.params
    const { wait = 0 } = request.query
    // A HEAD wants to know whether it is there, not what becomes of it.
    const isPoll = wait > 0 && request.method === 'GET'
    const task = isPoll ? await afterChange(parts, request, { id, wait }) : await own(parts, request)
    if (task === undefined) return sendMissing(parts, request, reply)
    return sendText(reply.type(JSON_TYPE), taskJson(task, parts.intake.placeOf(task.id), parts.prefix))
  })

  app.get('/api/tasks/:id/status', { schema }, async (request, reply) => {
    const task = await own(parts, request)
    return task === undefined ? sendMissing(parts, request, reply) : reply.send(await statusView(parts, task))
  })

  app.post('/api/tasks/:id/cancel', { schema }, async (request, reply) => {
    const task = await own(parts, request)
    return task === undefined ? sendMissing(parts, request, reply) : cancel(parts, task.id, reply)
  })

  app.post('/api/tasks/:id/ticket', { schema }, async (request, reply) => {
    const task = await own(parts, request)
    return task === undefined
      ? sendMissing(parts, request, reply)
      : reply.code(201).send(ticketView(parts, task, accessOf(request)))
  })
}

/** The task of a request, as far as its caller may see it. */
function own(
  parts: EdgeParts,
  request: FastifyRequest<{ Params: { id: string } }>,
): Promise<Task | undefined> {
  return visibleTask(parts, accessOf(request), request.params.id)
}

/** A ticket, and the addresses of the two streams that it opens. */
function ticketView({ tickets, prefix }: EdgeParts, { id }: Task, { caller }: Access) {
  const ticket = tickets.issue({ taskId: id, callerName: caller.name, role: caller.role })
  const { events, ws } = urlsOf(id, prefix)
  return { ticket, task_id: id, urls: { events: `${events}?ticket=${ticket}`, ws: `${ws}?ticket=${ticket}` } }
}

async function list(
  parts: EdgeParts,
  { caller }: Access,
  { status, type, cursor, limit }: z.output<typeof listQuery>,
) {
  const page = await parts.journal.list({
    limit,
    ...(caller.role === 'operator' ? {} : { caller: caller.name }),
    ...(status === undefined ? {} : { status }),
    ...(type === undefined ? {} : { type }),
    ...(cursor === undefined ? {} : { before: cursor }),
  })
  const tasks = page.tasks.map((task) => taskView(task, parts.intake.placeOf(task.id), parts.prefix))
  return { tasks, next_cursor: page.next }
}

async function cancel(parts: EdgeParts, id: string, reply: FastifyReply): Promise<FastifyReply> {
  const said = await parts.intake.cancel(id)
  switch (said.kind) {
    case 'unknown':
      return sendUnknown(reply)
    case 'already-finished':
      return sendProblem(reply, 'already-finished', {
        detail: `Task ${id} has ended as ${said.task.status}.`,
      })
    case 'cancelled':
    case 'cancelling':
    case 'detached': {
      const view = taskView(said.task, parts.intake.placeOf(said.task.id), parts.prefix)
      const detached = said.kind === 'detached' ? { detached: true } : {}
      return reply.code(said.kind === 'cancelling' ? 202 : 200).send({ ...view, ...detached })
    }
  }
}

/** Long poll: the task as it is after its next numbered event, its end, or `wait` seconds. */
async function afterChange(
  parts: EdgeParts,
  request: FastifyRequest<{ Params: { id: string } }>,
  { id, wait }: { readonly id: string; readonly wait: number },
): Promise<Task | undefined> {
  const subscription = parts.feed.subscribe(id)
  const gone = new AbortController()
  const leave = () => gone.abort()
  request.raw.socket.once('close', leave)
  if (request.raw.socket.destroyed) leave()
  try {
    const task = await own(parts, request)
    if (task === undefined || isTerminal(task.status)) return task
    const limit = sleep(wait * 1000, undefined, { signal: gone.signal }).catch(() => undefined)
    void limit.then(() => subscription.close())
    for await (const news of subscription) if (news.type !== 'position') break
    return await own(parts, request)
  } finally {
    subscription.close()
    gone.abort()
    request.raw.socket.off('close', leave)
  }
}

/** The original's shape, its fields first. */
async function statusView(parts: EdgeParts, task: Task) {
  const from = Math.max(0, task.lastSeq - NEWEST_EVENTS)
  const events = await parts.journal.eventsAfter(task.id, from, NEWEST_EVENTS)
  const logs = events.flatMap((event) => (event.type === 'log' ? [event.message] : []))
  const { error, message, urls } = taskView(task, null, parts.prefix)
  const place = parts.intake.placeOf(task.id)
  return {
    task_id: task.id,
    status: task.status,
    progress: task.progress ?? 0,
    logs: logs.slice(-STATUS_LOGS),
    completed: task.status === 'completed',
    failed: isTerminal(task.status) && task.status !== 'completed',
    done: isTerminal(task.status),
    queue_position: place?.queuePosition ?? null,
    message,
    error,
    last_seq: task.lastSeq,
    urls,
  }
}
