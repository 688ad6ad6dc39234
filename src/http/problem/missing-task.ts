import type { FastifyReply, FastifyRequest } from 'fastify'
import { maySee } from '../../auth/caller.ts'
import type { Task } from '../../task/task.ts'
import { accessOf, visibleTask, type Access } from '../gate/access.ts'
import type { StorageServices } from '../deps.ts'
import { sendProblem } from './problem.ts'

/** What is needed of the server. */
type Deps = Pick<StorageServices, 'erased'>

export type TaskRequest = FastifyRequest<{ Params: { id: string } }>

/** The task of a request, as far as its caller may see it. */
export function ownTask(
  deps: Pick<StorageServices, 'journal'>,
  request: TaskRequest,
): Promise<Task | undefined> {
  return visibleTask(deps, accessOf(request), request.params.id)
}

/** Answers for a task that is not there: erased, as far as the caller may know, or never seen. */
export async function sendMissing(
  { erased }: Deps,
  request: TaskRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (!(await isErased({ erased }, accessOf(request), request.params.id))) return sendUnknown(reply)
  return sendProblem(reply, 'task-gone', { detail: 'The task was erased, with all that was kept of it.' })
}

/** Whether a task that is not there was erased, as far as a caller may know. */
export async function isErased({ erased }: Deps, access: Access, id: string): Promise<boolean> {
  const { caller, onlyTask } = access
  if (onlyTask !== null && onlyTask !== id) return false
  const owner = await erased.ownerOfErased(id)
  return owner !== undefined && maySee(caller, owner)
}

/** Tasks of other callers are answered alike, so that their existence is not revealed. */
export function sendUnknown(reply: FastifyReply): FastifyReply {
  return sendProblem(reply, 'task-not-found', { detail: 'There is no such task.' })
}
