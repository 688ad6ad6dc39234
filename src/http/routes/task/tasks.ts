import type { FastifyReply, FastifyRequest } from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import { accessOf, visibleTask, type Access } from '../../gate/access.ts'
import type { App, EdgeParts } from '../../parts.ts'
import type { CancelReply } from '../../../intake/admit/submission.ts'
import { sendIssues, sendProblem } from '../../problem/problem.ts'
import { sendMissing, sendUnknown } from './missing.ts'
import { cancelBody, listQuery, noQuery, taskParams, taskQuery } from '../../wire/schema.ts'
import { sendBusy, sendBytes, sendText } from '../../wire/long-text.ts'
import { loadResult } from './result.ts'
import { taskJson, taskView, urlsOf } from '../../wire/wire.ts'

/** A full disk, or one that stands still, is looked after by somebody. */
const UNWRITTEN_RETRY_SECONDS = 10
const JSON_TYPE = 'application/json; charset=utf-8'
/** Log lines that `/status` repeats, as the original did. */
const STATUS_LOGS = 10
/** They are looked for among so many events. */
const NEWEST_EVENTS = 200

/** Reading and cancelling tasks under `/api/tasks`. */
export function taskRoutes(app: App, parts: EdgeParts): void {
  const schema = { params: taskParams, querystring: noQuery }

  app.get('/api/tasks', { schema: { querystring: listQuery } }, async (request, reply) => {
    const page = await list(parts, accessOf(request), request.query)
    return sendText(reply.type(JSON_TYPE), JSON.stringify(page), parts.replyMemory)
  })

  app.get('/api/tasks/:id', { schema: { ...schema, querystring: taskQuery } }, async (request, reply) => {
    const { id } = request.params
    const { wait = 0 } = request.query
    // A HEAD wants to know whether it is there, not what becomes of it.
    const isPoll = wait > 0 && request.method === 'GET'
    const task = isPoll ? await afterChange(parts, request, { id, wait }) : await own(parts, request)
    if (task === undefined) return sendMissing(parts, request, reply)
    return sendTask(reply.type(JSON_TYPE), task, parts)
  })

  app.get('/api/tasks/:id/status', { schema }, async (request, reply) => {
    const task = await own(parts, request)
    return task === undefined ? sendMissing(parts, request, reply) : reply.send(await statusView(parts, task))
  })

  app.post('/api/tasks/:id/cancel', { schema: { ...schema, body: cancelBody } }, async (request, reply) => {
    const task = await own(parts, request)
    if (task === undefined) return sendMissing(parts, request, reply)
    const waiter = request.body?.waiter ?? null
    return sendCancelReply(parts, reply, { id: task.id, said: await parts.intake.cancel(task.id, waiter) })
  })

  app.post('/api/tasks/:id/ticket', { schema }, async (request, reply) => {
    const task = await own(parts, request)
    return task === undefined
      ? sendMissing(parts, request, reply)
      : reply.code(201).send(ticketView(parts, task, accessOf(request)))
  })
}

/** A task with its result, which is JSON text already and not read again. */
async function sendTask(reply: FastifyReply, task: Task, parts: EdgeParts): Promise<FastifyReply> {
  const { prefix, replyMemory, intake } = parts
  if (task.status !== 'completed') {
    return sendText(reply, taskJson(task, intake.placeOf(task.id), prefix), replyMemory)
  }
  const shared = await replyMemory.share(task.id, () => loadResult(parts, task))
  if (shared === null) return sendBusy(reply)
  const view = JSON.stringify(taskView(task, null, prefix))
  const head = Buffer.from(`${view.slice(0, -1)},"result":`)
  return sendBytes(reply, [head, shared.loaded.bytes, CLOSING_BRACE], shared.release)
}

const CLOSING_BRACE = Buffer.from('}')

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

function sendCancelReply(
  parts: EdgeParts,
  reply: FastifyReply,
  { id, said }: { readonly id: string; readonly said: CancelReply },
): FastifyReply {
  switch (said.kind) {
    case 'unknown':
      return sendUnknown(reply)
    case 'unknown-waiter':
      return sendIssues(reply, 'validation', [
        { path: 'waiter', message: 'no submit of this task was answered with it' },
      ])
    case 'unwritten': {
      const detail = 'The cancel takes effect, and could not be written down yet.'
      return sendProblem(reply, said.code, { detail, retryAfter: UNWRITTEN_RETRY_SECONDS })
    }
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
