import type { FastifyReply } from 'fastify'
import type { Caller } from '../../caller/caller.ts'
import type { TaskType } from '../../handler/define-task.ts'
import type { SubmitReply } from '../../intake/submission.ts'
import { DEFAULT_PRIORITY, priorityName, type Priority } from '../../task/priority.ts'
import type { Task } from '../../task/task.ts'
import { accessOf, visibleTask } from '../gate/access.ts'
import type { App, EdgeParts } from '../parts.ts'
import { sendIssues, sendProblem } from '../problem/problem.ts'
import { submitReply } from '../wire/replies.ts'
import { genericBody, noQuery, submitQuery } from '../wire/schema.ts'
import { iso, urlsOf } from '../wire/wire.ts'

/** When a first look at a new task makes sense, seconds. */
const FIRST_POLL_SECONDS = 1

const replies = { 200: submitReply, 202: submitReply }

/** `POST /<type>` of one task type that takes JSON. */
export function submitRoute(app: App, parts: EdgeParts, type: TaskType): void {
  const schema = { querystring: submitQuery, response: replies }
  app.post(`/${type.type}`, { schema, bodyLimit: parts.maxBodyBytes }, async (request, reply) => {
    const { knownId, input } = splitBody(request.body)
    const access = accessOf(request)
    const known = knownId === undefined ? undefined : await visibleTask(parts, access, knownId)
    if (known?.type === type.type) return reply.code(200).send(submitView(parts, known))

    const priority = priorityFor(access.caller, request.query.priority)
    if (priority === undefined) return sendTooUrgent(reply, access.caller)
    const caller = access.caller.name
    const submission = { type: type.type, input, upload: null, priority, metadata: null, caller }
    return sendSubmitReply(parts, reply, await parts.intake.submit(submission))
  })
}

/** `POST /api/tasks`: any type that takes JSON. */
export function genericSubmitRoute(app: App, parts: EdgeParts): void {
  const schema = { body: genericBody, querystring: noQuery, response: replies }
  app.post('/api/tasks', { schema, bodyLimit: parts.maxBodyBytes }, async (request, reply) => {
    const { type, input, metadata = null } = request.body
    if (parts.registry.find(type)?.upload !== undefined) {
      const message = `this type takes a file: use POST ${parts.prefix}/${type}`
      return sendIssues(reply, 'validation', [{ path: 'type', message }])
    }
    const { caller } = accessOf(request)
    const priority = priorityFor(caller, request.body.priority)
    if (priority === undefined) return sendTooUrgent(reply, caller)
    const submission = { type, input, upload: null, priority, metadata, caller: caller.name }
    return sendSubmitReply(parts, reply, await parts.intake.submit(submission))
  })
}

/** The priority that was asked for, or the default; undefined when the caller may not ask for so much. */
export function priorityFor({ maxPriority }: Caller, asked: Priority | undefined): Priority | undefined {
  if (asked === undefined) return maxPriority < DEFAULT_PRIORITY ? maxPriority : DEFAULT_PRIORITY
  // It is never changed silently, and so not lowered either.
  return asked > maxPriority ? undefined : asked
}

export function sendTooUrgent(reply: FastifyReply, { maxPriority }: Caller): FastifyReply {
  const detail = `The highest priority of this caller is ${priorityName(maxPriority)}.`
  return sendProblem(reply, 'forbidden', { detail })
}

/** Answers what the intake said. */
export function sendSubmitReply(parts: EdgeParts, reply: FastifyReply, said: SubmitReply): FastifyReply {
  switch (said.kind) {
    case 'accepted': {
      const view = submitView(parts, said.task, said.place.tasksAhead)
      const headers = { location: view.urls.self, 'retry-after': FIRST_POLL_SECONDS }
      return reply.code(202).headers(headers).send(view)
    }
    case 'unknown-type':
      return sendProblem(reply, 'unknown-task-type', {
        detail: 'There is no such task type; /openapi.json lists those that there are.',
      })
    case 'invalid':
      return sendIssues(reply, said.code, said.issues)
    case 'refused':
      return sendRefusal(reply, said)
  }
}

export function sendRefusal(
  reply: FastifyReply,
  refusal: Extract<SubmitReply, { kind: 'refused' }>,
): FastifyReply {
  const { code, retryAfterSeconds: retryAfter, waiting, capacity } = refusal
  const why = {
    'queue-full': `The queue is full (${capacity} tasks).`,
    draining: 'The server is stopping.',
    'journal-unavailable': 'The task could not be written down.',
  }[code]
  const members = code === 'queue-full' ? { queue_size: waiting, max_queue_size: capacity } : {}
  return sendProblem(reply, code, {
    detail: `${why} Try again in about ${retryAfter} s.`,
    retryAfter,
    members,
  })
}

/** The original let a client name a task of its own in the body, to connect to it again. */
function splitBody(body: unknown): { readonly knownId?: string; readonly input: unknown } {
  if (typeof body !== 'object' || body === null || !('task_id' in body)) return { input: body }
  const { task_id: knownId, ...input } = body
  return typeof knownId === 'string' ? { knownId, input } : { input: body }
}

/** The reply to a submit: of a new task with its place, of a known one without. */
function submitView(parts: EdgeParts, task: Task, newTasksAhead?: number) {
  const name = priorityName(task.priority)
  const isNew = newTasksAhead !== undefined
  const tasksAhead = newTasksAhead ?? parts.pool.tasksAhead(task.id) ?? null
  const message = isNew
    ? `Queued with priority ${name}, ${newTasksAhead} ahead. Connect to its stream to watch it.`
    : `Task ${task.id} is known; connect to its stream.`
  return {
    task_id: task.id,
    status: isNew ? ('created' as const) : ('reconnected' as const),
    message,
    task_status: task.status,
    type: task.type,
    priority: task.priority,
    priority_name: name,
    queue_position: tasksAhead === null ? null : tasksAhead + 1,
    tasks_ahead: tasksAhead,
    estimated_wait_seconds: null,
    created_at: iso(task.createdAt),
    deduplicated: !isNew,
    urls: urlsOf(task.id, parts.prefix),
  }
}
