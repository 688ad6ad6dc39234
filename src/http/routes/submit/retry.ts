import type { Submission, SubmitReply } from '../../../admission/submission.ts'
import type { Caller } from '../../../auth/caller.ts'
import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import { accessOf } from '../../gate/access.ts'
import { readRequestTrace } from '../../gate/trace.ts'
import type { App, QueueServices, StorageServices, SubmitRules } from '../../deps.ts'
import { sendProblem } from '../../problem/problem.ts'
import { submitReply } from '../../schemas/responses.ts'
import type { RouteDescription } from '../../openapi/operation.ts'
import { noQuery, submitHeaders, taskParams } from '../../schemas/requests.ts'
import { ownTask, sendMissing } from '../../problem/missing-task.ts'
import { acceptedReply, REFUSALS } from './describe-submit.ts'
import { readIdempotencyKey } from './idempotency.ts'
import { PLAIN, priorityFor, tooUrgent } from './read-submission.ts'
import { sendSubmitReply, type SubmitReplyDeps } from './submit-reply.ts'

/** What is needed of the server. */
type Deps = SubmitReplyDeps & Pick<SubmitRules, 'registry'> & Pick<StorageServices, 'uploadStore'>

const RETRY: RouteDescription = {
  id: 'retryTask',
  tag: 'submit',
  summary: 'Do the work of a task that has ended once more, as a new task',
  headers: submitHeaders,
  replies: (examples) => ({ 202: acceptedReply(examples) }),
  problems: [...REFUSALS, 'task-not-found', 'task-not-finished', 'malformed-json', 'unknown-task-type'],
}

/** `POST /api/tasks/{id}/retry`: a new task that does the work of one that has ended once more. */
export function retryRoute(app: App, deps: Deps): void {
  const schema = { params: taskParams, querystring: noQuery, response: { 202: submitReply } }
  const route = { schema, config: { gate: { hasOptionalBody: true }, openapi: RETRY } }
  app.post('/api/tasks/:id/retry', route, async (request, reply) => {
    const { caller } = accessOf(request)
    const task = await ownTask(deps, request)
    if (task === undefined) return sendMissing(deps, request, reply)
    if (!isTerminal(task.status)) {
      const detail = `Task ${task.id} is ${task.status}; it can be tried again when it has ended.`
      return sendProblem(reply, 'task-not-finished', { detail })
    }
    const key = readIdempotencyKey(request, reply)
    if (key === undefined) return reply
    const result = await retryTask(deps, caller, task, { key, trace: readRequestTrace(request) })
    if (result.kind === 'problem') return sendProblem(reply, result.code, { detail: result.detail })
    return sendSubmitReply(deps, reply, result)
  })
}

type RetryDeps = Pick<QueueServices, 'admission'> &
  Pick<StorageServices, 'journal' | 'uploadStore'> &
  Pick<SubmitRules, 'registry'>

/** Why a task cannot be tried again. */
export interface RetryProblem {
  readonly kind: 'problem'
  readonly code: 'forbidden' | 'task-gone'
  readonly detail: string
}

/** Submits the work of a task that has ended once more, with a copy of its file. */
export async function retryTask(
  { admission, journal, registry, uploadStore }: RetryDeps,
  caller: Caller,
  task: Task,
  request: Pick<Submission, 'key' | 'trace'>,
): Promise<SubmitReply | RetryProblem> {
  const priority = priorityFor(caller, task.priority)
  if (priority === undefined) {
    return { kind: 'problem', code: 'forbidden', detail: tooUrgent(caller).options.detail }
  }
  const upload = task.upload === null ? null : await uploadStore.copy(task.upload)
  if (upload === undefined) {
    return { kind: 'problem', code: 'task-gone', detail: `The file of task ${task.id} is no longer kept.` }
  }
  const input = (await journal.task(task.id))?.input ?? null
  const given = { ...toSubmission(task), input, upload, priority, ...request }
  const result = await admission.submit(withinBounds(registry, given))
  if (result.kind !== 'accepted' && upload !== null) await uploadStore.remove(upload)
  return result
}

/** The same work once more, in the name of the task's caller, also when an operator requests it. */
function toSubmission({ id, type, caller, metadata, webhook, timeoutMs, maxAttempts }: Task) {
  const same = { type, caller, metadata, webhook, timeoutMs, maxAttempts }
  return { ...PLAIN, ...same, retryOf: id, isForced: true }
}

/** The bounds of the type may have become narrower since. */
function withinBounds(registry: SubmitRules['registry'], given: Submission): Submission {
  const { timeoutMs, retry } = registry.find(given.type) ?? {}
  const isLonger = timeoutMs !== undefined && (given.timeoutMs ?? 0) > timeoutMs
  const isMore = retry?.maxAttempts !== undefined && (given.maxAttempts ?? 0) > retry.maxAttempts
  return { ...given, ...(isLonger ? { timeoutMs: null } : {}), ...(isMore ? { maxAttempts: null } : {}) }
}
