import type { FastifyReply } from 'fastify'
import { viewOptions } from '../../gate/access.ts'
import type { CancelReply } from '../../../admission/submission.ts'
import type { App, QueueServices, StorageServices } from '../../deps.ts'
import { sendIssues, sendProblem } from '../../problem/problem.ts'
import { cancelBody, taskParams, ticketQuery } from '../../schemas/requests.ts'
import { ACTION_PROBLEMS, json, type RouteDescription } from '../../openapi/operation.ts'
import { cancelReply } from '../../schemas/responses.ts'
import { taskView } from '../../schemas/views.ts'
import { ownTask, sendMissing, sendUnknown } from '../../problem/missing-task.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'admission'> & Pick<StorageServices, 'journal' | 'erased'>

/** A full disk, or one that does not respond, needs an operator. */
const UNWRITTEN_RETRY_SECONDS = 10

const CANCEL: RouteDescription = {
  id: 'cancelTask',
  tag: 'tasks',
  summary: 'Cancel a task, or one of several submits that wait for it',
  bodyExample: { waiter: 'w_1' },
  replies: ({ task }) => {
    const ended = 'It was waiting and is cancelled; or other submits wait for it, and it continues.'
    return {
      200: json(ended, cancelReply, { ...task, status: 'cancelled', done: true }),
      202: json('It runs, and is being stopped.', cancelReply, { ...task, status: 'cancelling' }),
    }
  },
  problems: [...ACTION_PROBLEMS, 'already-finished', 'disk-full', 'journal-unavailable'],
}

/** `POST /api/tasks/{id}/cancel`: by its caller, or with a ticket that grants it. */
export function cancelRoute(app: App, deps: Deps): void {
  const route = {
    schema: { params: taskParams, querystring: ticketQuery, body: cancelBody },
    config: { gate: { ticket: 'cancel', hasOptionalBody: true }, openapi: CANCEL },
  } as const
  app.post('/api/tasks/:id/cancel', route, async (request, reply) => {
    const task = await ownTask(deps, request)
    if (task === undefined) return sendMissing(deps, request, reply)
    const waiter = request.body?.waiter ?? null
    return sendCancelReply(deps, reply, { id: task.id, result: await deps.admission.cancel(task.id, waiter) })
  })
}

function sendCancelReply(
  deps: Deps,
  reply: FastifyReply,
  { id, result }: { readonly id: string; readonly result: CancelReply },
): FastifyReply {
  switch (result.kind) {
    case 'unknown':
      return sendUnknown(reply)
    case 'unknown-waiter':
      return sendIssues(reply, 'validation', [
        { path: 'waiter', message: 'no submit of this task was answered with it' },
      ])
    case 'unwritten': {
      const detail = 'The cancel takes effect, and could not be written down yet.'
      return sendProblem(reply, result.code, { detail, retryAfter: UNWRITTEN_RETRY_SECONDS })
    }
    case 'already-finished':
      return sendProblem(reply, 'already-finished', {
        detail: `Task ${id} has ended as ${result.task.status}.`,
      })
    case 'cancelled':
    case 'cancelling':
    case 'detached': {
      const view = taskView(result.task, deps.admission.placeOf(result.task), viewOptions(reply.request))
      const detached = result.kind === 'detached' ? { detached: true } : {}
      return reply.code(result.kind === 'cancelling' ? 202 : 200).send({ ...view, ...detached })
    }
  }
}
