import type { FastifyReply } from 'fastify'
import type { Duplicate, Refusal, SubmitReply } from '../../intake/admit/submission.ts'
import { reached } from '../../milestone.ts'
import { priorityName } from '../../task/priority.ts'
import type { Task } from '../../task/task.ts'
import type { EdgeParts } from '../parts.ts'
import { sendIssues, sendProblem } from '../problem/problem.ts'
import { iso, urlsOf } from '../wire/wire.ts'

/** When a first look at a new task makes sense, seconds. */
const FIRST_POLL_SECONDS = 1
/** A full disk is looked after by somebody, or by the retention. */
const DISK_FULL_RETRY_SECONDS = 60

/** Why the reply is about a task that was known; `null`: it is new. */
type Known = Duplicate | 'reconnected' | null

const STATUS = {
  replayed: 'created',
  in_progress: 'in_progress',
  exists: 'exists',
  reconnected: 'reconnected',
} as const

/** Answers what the intake said. */
export function sendSubmitReply(parts: EdgeParts, reply: FastifyReply, said: SubmitReply): FastifyReply {
  switch (said.kind) {
    case 'accepted':
      reply.raw.once('finish', () => reached('reply-sent'))
      return sendAccepted(
        reply,
        submitView(parts, said.task, { known: null, newTasksAhead: said.place.tasksAhead }),
      )
    case 'duplicate': {
      const view = submitView(parts, said.task, { known: said.how })
      if (said.how !== 'replayed') return reply.code(200).send(view)
      return sendAccepted(reply.header('idempotency-replayed', 'true'), view)
    }
    case 'unknown-type':
      return sendProblem(reply, 'unknown-task-type', {
        detail: 'There is no such task type; /openapi.json lists those that there are.',
      })
    case 'invalid':
      return sendIssues(reply, said.code, said.issues)
    case 'idempotency-mismatch':
      return sendProblem(reply, said.kind, {
        detail: 'This Idempotency-Key was used with another request. A new request takes a new key.',
      })
    case 'task-gone':
      return sendProblem(reply, said.kind, { detail: 'The task of this Idempotency-Key was erased.' })
    case 'refused':
      return sendRefusal(reply, said)
  }
}

/** Answers with a task that the body itself named. */
export function sendReconnected(parts: EdgeParts, reply: FastifyReply, task: Task): FastifyReply {
  return reply.code(200).send(submitView(parts, task, { known: 'reconnected' }))
}

export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { code, waiting, capacity } = refusal
  const retryAfter = code === 'disk-full' ? DISK_FULL_RETRY_SECONDS : refusal.retryAfterSeconds
  const why = {
    'queue-full': `The queue is full (${capacity} tasks).`,
    draining: 'The server is stopping.',
    'journal-unavailable': 'The task could not be written down.',
    'disk-full': 'The disk of the server is full.',
  }[code]
  const members = code === 'queue-full' ? { queue_size: waiting, max_queue_size: capacity } : {}
  return sendProblem(reply, code, {
    detail: `${why} Try again in about ${retryAfter} s.`,
    retryAfter,
    members,
  })
}

function sendAccepted(reply: FastifyReply, view: ReturnType<typeof submitView>): FastifyReply {
  const headers = { location: view.urls.self, 'retry-after': FIRST_POLL_SECONDS }
  return reply.code(202).headers(headers).send(view)
}

interface Standing {
  readonly known: Known
  /** Of a new task. */
  readonly newTasksAhead?: number
}

/** The reply to a submit: of a new task with the place that it took, of a known one with where it stands. */
function submitView(parts: EdgeParts, task: Task, { known, newTasksAhead }: Standing) {
  const name = priorityName(task.priority)
  const tasksAhead = newTasksAhead ?? parts.pool.tasksAhead(task.id) ?? null
  return {
    task_id: task.id,
    status: known === null ? ('created' as const) : STATUS[known],
    message: messageOf(task, known, newTasksAhead ?? 0),
    task_status: task.status,
    type: task.type,
    priority: task.priority,
    priority_name: name,
    queue_position: tasksAhead === null ? null : tasksAhead + 1,
    tasks_ahead: tasksAhead,
    estimated_wait_seconds: null,
    created_at: iso(task.createdAt),
    deduplicated: known !== null,
    ...(known === 'exists' ? { exists: true } : {}),
    urls: urlsOf(task.id, parts.prefix),
  }
}

function messageOf({ id, priority }: Task, known: Known, tasksAhead: number): string {
  switch (known) {
    case null:
      return `Queued with priority ${priorityName(priority)}, ${tasksAhead} ahead. Connect to its stream to watch it.`
    case 'replayed':
      return `This request was sent before and made task ${id}.`
    case 'in_progress':
      return `The same input is queued or running as task ${id}; connect to its stream.`
    case 'exists':
      return `The same input was done before as task ${id}; its result is ready.`
    case 'reconnected':
      return `Task ${id} is known; connect to its stream.`
  }
}
