import type { Task } from '../../../task/task.ts'
import { accessOf, type Access } from '../../gate/access.ts'
import { depsFor, type App, type HttpDeps } from '../../deps.ts'
import { noQuery, taskParams, ticketBody } from '../../schemas/requests.ts'
import { createUrls } from '../../schemas/views.ts'
import { ownTask, sendMissing } from '../../problem/missing-task.ts'

/** `POST /api/tasks/{id}/ticket`: addresses that work without a key, for a browser. */
export function ticketRoute(app: App, shared: HttpDeps): void {
  const schema = { params: taskParams, querystring: noQuery, body: ticketBody }
  const route = { schema, config: { gate: { hasOptionalBody: true } } }
  app.post('/api/tasks/:id/ticket', route, async (request, reply) => {
    const deps = depsFor(shared, request)
    const task = await ownTask(deps, request)
    if (task === undefined) return sendMissing(deps, request, reply)
    const mayCancel = request.body?.cancel ?? false
    return reply.code(201).send(ticketView(deps, task, { ...accessOf(request), mayCancel }))
  })
}

/** A ticket, and the addresses that it opens. */
function ticketView({ tickets, prefix }: HttpDeps, { id }: Task, { caller, mayCancel }: Access) {
  const ticket = tickets.issue({ taskId: id, callerName: caller.name, role: caller.role, mayCancel })
  const { events, ws, self, status, result, cancel } = createUrls(id, prefix)
  const opened = { self, status, result, events, ws, ...(mayCancel ? { cancel } : {}) }
  const urls = Object.fromEntries(
    Object.entries(opened).map(([name, url]) => [name, `${url}?ticket=${ticket}`]),
  )
  return { ticket, task_id: id, urls }
}
