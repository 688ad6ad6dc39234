import type { Submission } from '../../../intake/admit/submission.ts'
import { isTerminal } from '../../../task/status.ts'
import { accessOf, visibleTask } from '../../gate/access.ts'
import type { App, EdgeParts } from '../../parts.ts'
import { sendProblem } from '../../problem/problem.ts'
import { submitReply } from '../../wire/replies.ts'
import { noQuery, taskParams } from '../../wire/schema.ts'
import { sendMissing } from '../task/missing.ts'
import { idempotencyKeyOf } from './idempotency.ts'
import { PLAIN, priorityFor, tooUrgent } from './read-submission.ts'
import { sendSubmitReply } from './submit-reply.ts'

/** `POST /api/tasks/{id}/retry`: a new task that does the work of one that has ended once more. */
export function retryRoute(app: App, parts: EdgeParts): void {
  const schema = { params: taskParams, querystring: noQuery, response: { 202: submitReply } }
  app.post('/api/tasks/:id/retry', { schema }, async (request, reply) => {
    const access = accessOf(request)
    const task = await visibleTask(parts, access, request.params.id)
    if (task === undefined) return sendMissing(parts, request, reply)
    if (!isTerminal(task.status)) {
      const detail = `Task ${task.id} is ${task.status}; it can be tried again when it has ended.`
      return sendProblem(reply, 'task-not-finished', { detail })
    }
    const priority = priorityFor(access.caller, task.priority)
    if (priority === undefined) return sendProblem(reply, 'forbidden', tooUrgent(access.caller).options)
    const key = idempotencyKeyOf(request, reply)
    if (key === undefined) return reply
    const upload = task.upload === null ? null : await parts.spool.copy(task.upload)
    if (upload === undefined) {
      return sendProblem(reply, 'task-gone', { detail: `The file of task ${task.id} is no longer kept.` })
    }
    const input = (await parts.journal.task(task.id))?.input ?? null
    const { type, metadata, webhook, timeoutMs, maxAttempts } = task
    const work = {
      type,
      input,
      metadata,
      webhook,
      upload,
      timeoutMs,
      maxAttempts,
      priority,
      retryOf: task.id,
    }
    // In the name of whose work it is, whoever asks for it.
    const submission = { ...PLAIN, ...work, caller: task.caller, key, isForced: true }
    const said = await parts.intake.submit(withinBounds(parts, submission))
    if (said.kind !== 'accepted' && upload !== null) await parts.spool.remove(upload)
    return sendSubmitReply(parts, reply, said)
  })
}

/** The bounds of the type may have become narrower since. */
function withinBounds({ registry }: EdgeParts, given: Submission): Submission {
  const { timeoutMs, retry } = registry.find(given.type) ?? {}
  const isLonger = timeoutMs !== undefined && (given.timeoutMs ?? 0) > timeoutMs
  const isMore = retry?.maxAttempts !== undefined && (given.maxAttempts ?? 0) > retry.maxAttempts
  return { ...given, ...(isLonger ? { timeoutMs: null } : {}), ...(isMore ? { maxAttempts: null } : {}) }
}
