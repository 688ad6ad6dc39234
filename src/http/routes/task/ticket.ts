import type { Task } from '../../../task/task.ts'
import type { FastifyRequest } from 'fastify'
import { accessOf } from '../../gate/access.ts'
import { readPrefix } from '../../gate/base-path.ts'
import type { AccessServices, App, StorageServices } from '../../deps.ts'
import { noQuery, taskParams, ticketBody } from '../../schemas/requests.ts'
import { ACTION_PROBLEMS, json, type RouteDescription } from '../../openapi/operation.ts'
import { ticketReply } from '../../schemas/responses.ts'
import { createUrls } from '../../schemas/views.ts'
import { ownTask, sendMissing } from '../../problem/missing-task.ts'

/** What is needed of the server. */
type Deps = Pick<StorageServices, 'journal' | 'erased'> & Pick<AccessServices, 'tickets'>

const TICKET: RouteDescription = {
  id: 'issueTicket',
  tag: 'tasks',
  summary: 'A ticket to read and watch one task, for readers that cannot send headers',
  bodyExample: { cancel: true },
  replies: ({ ticket }) => ({
    201: json('Usable again until 5 minutes after the end of the task.', ticketReply, ticket),
  }),
  problems: ACTION_PROBLEMS,
}

/** `POST /api/tasks/{id}/ticket`: addresses that work without a key, for a browser. */
export function ticketRoute(app: App, deps: Deps): void {
  const schema = { params: taskParams, querystring: noQuery, body: ticketBody }
  const route = { schema, config: { gate: { hasOptionalBody: true }, openapi: TICKET } }
  app.post('/api/tasks/:id/ticket', route, async (request, reply) => {
    const task = await ownTask(deps, request)
    if (task === undefined) return sendMissing(deps, request, reply)
    const mayCancel = request.body?.cancel ?? false
    return reply.code(201).send(ticketView(deps, request, task, mayCancel))
  })
}

/** A ticket, and the addresses that it opens. */
function ticketView({ tickets }: Deps, request: FastifyRequest, { id }: Task, mayCancel: boolean) {
  const { caller } = accessOf(request)
  const ticket = tickets.issue({ taskId: id, callerName: caller.name, role: caller.role, mayCancel })
  const { events, ws, self, status, result, cancel } = createUrls(id, readPrefix(request))
  const opened = { self, status, result, events, ws, ...(mayCancel ? { cancel } : {}) }
  const urls = Object.fromEntries(
    Object.entries(opened).map(([name, url]) => [name, `${url}?ticket=${ticket}`]),
  )
  return { ticket, task_id: id, urls }
}
