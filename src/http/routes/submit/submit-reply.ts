import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Duplicate, Refusal, SubmitReply } from '../../../admission/submission.ts'
import { failpoint } from '../../../failpoints.ts'
import { priorityName } from '../../../task/priority.ts'
import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import type { QueuePlace } from '../../../task/event.ts'
import {
  issuesProblem,
  problemBody,
  sendProblem,
  type ProblemCode,
  type ProblemOptions,
} from '../../problem/problem.ts'
import type { QueueServices } from '../../deps.ts'
import { readPrefix } from '../../gate/base-path.ts'
import { iso, createUrls, estimateView } from '../../schemas/views.ts'
import { sendTask, type SendTaskDeps } from '../task/send-task.ts'
import { waitForTask, type WaitDeps } from '../task/wait.ts'
import { preferredWait } from './prefer.ts'

/** What is needed of the server. */
export type SubmitReplyDeps = SendTaskDeps & WaitDeps
type ViewDeps = Pick<QueueServices, 'admission'>

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

/** What a submit is answered, alone or as one of a batch. */
export type SubmitResponse =
  | {
      readonly kind: 'view'
      readonly status: 200 | 202
      readonly isReplay: boolean
      readonly body: SubmitView
    }
  | {
      readonly kind: 'problem'
      readonly status: number
      readonly code: ProblemCode
      readonly options: ProblemOptions
      readonly body: object
    }

/** Answers the result of the admission; with `Prefer: wait`, the task and its result if it ends in time. */
export async function sendSubmitReply(
  deps: SubmitReplyDeps,
  reply: FastifyReply,
  result: SubmitReply,
): Promise<FastifyReply> {
  const answer = answerTo(deps, reply.request, result)
  if (answer.kind === 'problem') return sendProblem(reply, answer.code, answer.options)
  if (answer.isReplay) reply.header('idempotency-replayed', 'true')
  const seconds = preferredWait(reply.request)
  const ended = seconds === null ? undefined : await endedWithin(deps, reply, { answer, seconds })
  if (ended !== undefined) return sendTask(reply, ended, deps)
  if (answer.status === 200) return reply.code(200).send(answer.body)
  if (result.kind === 'accepted') reply.raw.once('finish', () => failpoint('reply-sent'))
  const headers = { location: answer.body.urls.self, 'retry-after': FIRST_POLL_SECONDS }
  return reply.code(202).headers(headers).send(answer.body)
}

interface Preference {
  readonly answer: Extract<SubmitResponse, { kind: 'view' }>
  readonly seconds: number
}

/** The task of an answer when it ends in time, the headers of the answer then set. */
async function endedWithin(
  deps: SubmitReplyDeps,
  reply: FastifyReply,
  { answer, seconds }: Preference,
): Promise<Task | undefined> {
  const { task_id: id, urls } = answer.body
  const task = await waitForTask(deps, reply.request, { id, seconds })
  if (task === undefined || !isTerminal(task.status)) return undefined
  reply.code(200).headers({ location: urls.self, 'preference-applied': 'wait' })
  return task
}

export function answerTo(deps: ViewDeps, request: FastifyRequest, result: SubmitReply): SubmitResponse {
  switch (result.kind) {
    case 'accepted': {
      const body = submitView(deps, request, result.task, { known: null, place: result.place, waiter: 1 })
      return { kind: 'view', status: 202, isReplay: false, body }
    }
    case 'duplicate': {
      const isReplay = result.how === 'replayed'
      return {
        kind: 'view',
        status: isReplay ? 202 : 200,
        isReplay,
        body: submitView(deps, request, result.task, {
          known: result.how,
          waiter: result.waiter,
          ignored: result.ignored,
        }),
      }
    }
    case 'unknown-type':
      return problem('unknown-task-type', {
        detail: 'There is no such task type; /openapi.json lists those that there are.',
      })
    case 'invalid':
      return problem(result.code, issuesProblem(result.issues))
    case 'idempotency-mismatch':
      return problem(result.kind, {
        detail: 'This Idempotency-Key was used with another request. A new request takes a new key.',
      })
    case 'task-gone':
      return problem(result.kind, { detail: 'The task of this Idempotency-Key was erased.' })
    case 'refused':
      return problem(result.code, refusalProblem(result))
  }
}

/** Answers with a task that the body itself named. */
export function sendReconnected(deps: ViewDeps, reply: FastifyReply, task: Task): FastifyReply {
  return reply.code(200).send(submitView(deps, reply.request, task, { known: 'reconnected' }))
}

export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  return sendProblem(reply, refusal.code, refusalProblem(refusal))
}

function refusalProblem(refusal: Refusal): ProblemOptions {
  const { code, waiting, capacity } = refusal
  const retryAfter = code === 'disk-full' ? DISK_FULL_RETRY_SECONDS : refusal.retryAfterSeconds
  const why = {
    'queue-full': `The queue is full (${capacity} tasks).`,
    'user-queue-full': 'This caller has as many tasks waiting as it may.',
    'intake-paused': 'An operator has paused the intake, of all tasks or of these.',
    draining: 'No more tasks are taken: the server is stopping, or its queue is to run dry.',
    'journal-unavailable': 'The task could not be written down.',
    'disk-full': 'The disk of the server is full.',
  }[code]
  const members = code === 'queue-full' ? { queue_size: waiting, max_queue_size: capacity } : {}
  return { detail: `${why} Try again in about ${retryAfter} s.`, retryAfter, members }
}

function problem(code: ProblemCode, options: ProblemOptions): SubmitResponse {
  const body = problemBody(code, options)
  return { kind: 'problem', status: body.status, code, options, body }
}

interface Standing {
  readonly known: Known
  /** Of a new task. */
  readonly place?: QueuePlace
  readonly waiter?: number | null
  readonly ignored?: readonly string[]
}

type SubmitView = ReturnType<typeof submitView>

/** The reply to a submit: of a new task with its place, of a known one with its current state. */
function submitView(deps: ViewDeps, request: FastifyRequest, task: Task, standing: Standing) {
  const { known, place: given, waiter = null, ignored = [] } = standing
  const name = priorityName(task.priority)
  // A delayed task has no position yet.
  const place = task.status === 'scheduled' ? null : (given ?? deps.admission.placeOf(task))
  return {
    task_id: task.id,
    status: known === null ? ('created' as const) : STATUS[known],
    message: toMessage(task, known, given?.tasksAhead ?? 0),
    task_status: task.status,
    type: task.type,
    priority: task.priority,
    priority_name: name,
    queue_position: place?.queuePosition ?? null,
    tasks_ahead: place?.tasksAhead ?? null,
    ...estimateView(place),
    estimated_wait_seconds: place?.wait ?? null,
    created_at: iso(task.createdAt),
    deduplicated: known !== null,
    ...(known === 'exists' ? { exists: true } : {}),
    waiter: waiter === null ? null : `w_${waiter}`,
    ...(ignored.length === 0 ? {} : { ignored: [...ignored] }),
    urls: createUrls(task.id, readPrefix(request)),
  }
}

function toMessage({ id, priority, status, waitUntil }: Task, known: Known, tasksAhead: number): string {
  switch (known) {
    case null:
      if (status === 'scheduled') {
        return `Scheduled with priority ${priorityName(priority)}, not before ${iso(waitUntil ?? 0)}.`
      }
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
