import type { FastifyReply, FastifyRequest } from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import type { z } from 'zod'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { App, EdgeParts } from '../parts.ts'
import { sendProblem } from '../problem.ts'
import { listQuery, noQuery, taskParams, taskQuery } from '../schema.ts'
import { taskJson, taskView } from '../wire.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
/** Log lines that `/status` repeats, as the original did. */
const STATUS_LOGS = 10

/** Reading and cancelling tasks under `/api/tasks`. */
export function taskRoutes(app: App, parts: EdgeParts): void {
  const schema = { params: taskParams, querystring: noQuery }

  app.get('/api/tasks', { schema: { querystring: listQuery } }, (request) => list(parts, request.query))

  app.get('/api/tasks/:id', { schema: { ...schema, querystring: taskQuery } }, async (request, reply) => {
    const { id } = request.params
    const { wait = 0 } = request.query
    const task = await (wait === 0 ? parts.journal.task(id) : afterChange(parts, request, { id, wait }))
    if (task === undefined) return sendUnknown(reply, id)
    return reply.type(JSON_TYPE).send(taskJson(task, parts.pool.placeOf(task.id), parts.prefix))
  })

  app.get('/api/tasks/:id/status', { schema }, async (request, reply) => {
    const { id } = request.params
    const task = await parts.journal.task(id)
    return task === undefined ? sendUnknown(reply, id) : reply.send(await statusView(parts, task))
  })

  app.get('/api/tasks/:id/result', { schema }, async (request, reply) => {
    const { id } = request.params
    const task = await parts.journal.task(id)
    return task === undefined ? sendUnknown(reply, id) : sendResult(reply, task, parts.prefix)
  })

  app.post('/api/tasks/:id/cancel', { schema }, (request, reply) => cancel(parts, request.params.id, reply))
}

async function list(parts: EdgeParts, { status, type, cursor, limit }: z.output<typeof listQuery>) {
  const page = await parts.journal.list({
    limit,
    ...(status === undefined ? {} : { status }),
    ...(type === undefined ? {} : { type }),
    ...(cursor === undefined ? {} : { before: cursor }),
  })
  const tasks = page.tasks.map((task) => taskView(task, parts.pool.placeOf(task.id), parts.prefix))
  return { tasks, next_cursor: page.next }
}

/** Failure of the work is data: a task without a result says itself why. */
function sendResult(reply: FastifyReply, task: Task, prefix: string): FastifyReply {
  if (!isTerminal(task.status)) {
    const detail = `Task ${task.id} is ${task.status}; its result comes with its end.`
    return sendProblem(reply, 'task-not-finished', { detail, retryAfter: 1 })
  }
  const text = task.status === 'completed' ? (task.result ?? 'null') : taskJson(task, null, prefix)
  return reply.type(JSON_TYPE).header('x-content-type-options', 'nosniff').send(text)
}

async function cancel(parts: EdgeParts, id: string, reply: FastifyReply): Promise<FastifyReply> {
  const said = await parts.intake.cancel(id)
  switch (said.kind) {
    case 'unknown':
      return sendUnknown(reply, id)
    case 'already-finished':
      return sendProblem(reply, 'already-finished', {
        detail: `Task ${id} has ended as ${said.task.status}.`,
      })
    case 'cancelled':
    case 'cancelling': {
      const view = taskView(said.task, parts.pool.placeOf(said.task.id), parts.prefix)
      return reply.code(said.kind === 'cancelled' ? 200 : 202).send(view)
    }
  }
}

function sendUnknown(reply: FastifyReply, id: string): FastifyReply {
  return sendProblem(reply, 'task-not-found', { detail: `There is no task ${id}.` })
}

/** Long poll: the task as it is after its next numbered event, its end, or `wait` seconds. */
async function afterChange(
  { feed, journal }: EdgeParts,
  request: FastifyRequest,
  { id, wait }: { readonly id: string; readonly wait: number },
): Promise<Task | undefined> {
  const subscription = feed.subscribe(id)
  const gone = new AbortController()
  const leave = () => gone.abort()
  request.raw.socket.once('close', leave)
  if (request.raw.socket.destroyed) leave()
  try {
    const task = await journal.task(id)
    if (task === undefined || isTerminal(task.status)) return task
    const limit = sleep(wait * 1000, undefined, { signal: gone.signal }).catch(() => undefined)
    void limit.then(() => subscription.close())
    for await (const news of subscription) if (news.type !== 'position') break
    return await journal.task(id)
  } finally {
    subscription.close()
    gone.abort()
    request.raw.socket.off('close', leave)
  }
}

/** The original's shape, its fields first. */
async function statusView(parts: EdgeParts, task: Task) {
  const events = await parts.journal.eventsAfter(task.id, 0)
  const logs = events.flatMap((event) => (event.type === 'log' ? [event.message] : []))
  const { error, message, urls } = taskView(task, null, parts.prefix)
  const place = parts.pool.placeOf(task.id)
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
