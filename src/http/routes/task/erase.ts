import { isTerminal } from '../../../task/status.ts'
import type { App, EdgeParts } from '../../parts.ts'
import { sendProblem } from '../../problem/problem.ts'
import { noQuery, taskParams } from '../../wire/schema.ts'
import { ownTask, sendMissing } from './missing.ts'

/** `DELETE /api/tasks/{id}`: a task that has ended, with its upload, its result and its events, at once. */
export function eraseRoute(app: App, parts: EdgeParts): void {
  const schema = { params: taskParams, querystring: noQuery }
  app.delete(
    '/api/tasks/:id',
    { schema, config: { gate: { hasOptionalBody: true } } },
    async (request, reply) => {
      const { id } = request.params
      const task = await ownTask(parts, request)
      if (task === undefined) return sendMissing(parts, request, reply)
      if (!isTerminal(task.status)) {
        const detail = `Task ${id} is ${task.status}: cancel it first.`
        return sendProblem(reply, 'task-not-finished', { detail })
      }
      // The journal first: a file that is left over is removed at the next start.
      const spoolId = await parts.erased.erase(id, parts.clock.now())
      if (spoolId !== null) await parts.spool.remove({ spoolId })
      return reply.code(204).send()
    },
  )
}
