import { isTerminal } from '../../../task/status.ts'
import { accessOf, viewOptions, visibleTask } from '../../gate/access.ts'
import type { App, QueueServices, StorageServices } from '../../deps.ts'
import { sendProblem } from '../../problem/problem.ts'
import { noQuery, patchBody, taskParams } from '../../schemas/requests.ts'
import { ACTION_PROBLEMS, json, type RouteDescription } from '../../openapi/operation.ts'
import { taskReply } from '../../schemas/responses.ts'
import { taskView } from '../../schemas/views.ts'
import { tooUrgent } from '../submit/read-submission.ts'
import { sendMissing } from '../../problem/missing-task.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'admission'> & Pick<StorageServices, 'journal' | 'erased'>

const REPRIORITISE: RouteDescription = {
  id: 'reprioritiseTask',
  tag: 'tasks',
  summary: 'Another priority for a task that waits; it keeps its age',
  bodyExample: { priority: 'HIGH' },
  replies: ({ task }) => ({ 200: json('The task.', taskReply, task) }),
  problems: [...ACTION_PROBLEMS, 'invalid-priority', 'already-started', 'already-finished'],
}

/** `PATCH /api/tasks/{id}`: another priority for a task that waits; it keeps its age. */
export function reprioritiseRoute(app: App, deps: Deps): void {
  const schema = { params: taskParams, querystring: noQuery, body: patchBody }
  app.patch('/api/tasks/:id', { schema, config: { openapi: REPRIORITISE } }, async (request, reply) => {
    const { caller, ...access } = accessOf(request)
    const task = await visibleTask(deps, { caller, ...access }, request.params.id)
    if (task === undefined) return sendMissing(deps, request, reply)
    const { priority } = request.body
    if (priority === undefined || priority > caller.maxPriority) {
      return sendProblem(reply, 'forbidden', tooUrgent(caller).options)
    }
    const changed = await deps.admission.reprioritise(task.id, priority)
    if (changed !== undefined)
      return reply.send(taskView(changed, deps.admission.placeOf(changed), viewOptions(request)))
    const newest = (await visibleTask(deps, { caller, ...access }, task.id)) ?? task
    const code = isTerminal(newest.status) ? 'already-finished' : 'already-started'
    return sendProblem(reply, code, {
      detail: `Task ${task.id} is ${newest.status}: its priority matters no more.`,
    })
  })
}
