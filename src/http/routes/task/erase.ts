import { isTerminal } from '../../../task/status.ts'
import type { App, ProcessServices, StorageServices } from '../../deps.ts'
import type { RouteDescription } from '../../openapi/operation.ts'
import { ownTask, sendMissing } from '../../problem/missing-task.ts'
import { sendProblem } from '../../problem/problem.ts'
import { noQuery, taskParams } from '../../schemas/requests.ts'

/** What is needed of the server. */
type Deps = Pick<StorageServices, 'journal' | 'erased' | 'uploadStore'> & Pick<ProcessServices, 'clock'>

const ERASE: RouteDescription = {
  id: 'eraseTask',
  tag: 'tasks',
  summary: 'Erase a task that has ended, with its upload, result and events',
  replies: () => ({ 204: { description: 'Erased.' } }),
  problems: ['validation', 'task-not-found', 'task-gone', 'task-not-finished', 'malformed-json'],
}

/** `DELETE /api/tasks/{id}`: a task that has ended, with its upload, its result and its events, at once. */
export function eraseRoute(app: App, deps: Deps): void {
  const schema = { params: taskParams, querystring: noQuery }
  const config = { gate: { hasOptionalBody: true }, openapi: ERASE }
  app.delete('/api/tasks/:id', { schema, config }, async (request, reply) => {
    const { id } = request.params
    const task = await ownTask(deps, request)
    if (task === undefined) return sendMissing(deps, request, reply)
    if (!isTerminal(task.status)) {
      const detail = `Task ${id} is ${task.status}: cancel it first.`
      return sendProblem(reply, 'task-not-finished', { detail })
    }
    await eraseTask(deps, id)
    return reply.code(204).send()
  })
}

/** Erases a task that has ended. The journal first: a file that is left over is removed at the next start. */
export async function eraseTask(
  { erased, uploadStore, clock }: Pick<Deps, 'erased' | 'uploadStore' | 'clock'>,
  id: string,
): Promise<void> {
  const spoolId = await erased.erase(id, clock.now())
  if (spoolId !== null) await uploadStore.remove({ spoolId })
}
