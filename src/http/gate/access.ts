import type { FastifyInstance, FastifyRequest } from 'fastify'
import { maySee, type Caller } from '../../auth/caller.ts'
import type { Task } from '../../task/task.ts'
import type { StorageServices } from '../deps.ts'
import { readPrefix } from './base-path.ts'
import type { ViewOptions } from '../schemas/views.ts'

/** What a request may do: in whose name, and, by a ticket, with which task alone. */
export interface Access {
  readonly caller: Caller
  /** The task that may be watched, and nothing else be done; null: no ticket was used. */
  readonly onlyTask: string | null
  /** Whether that task may be cancelled too; of everybody else the task's owner decides. */
  readonly mayCancel: boolean
  /** Whether it is known by the cookie of a session alone. */
  readonly isSession: boolean
  /** Whether it would be granted again: a stream outlives the token that opened it. */
  readonly isStillGranted: () => boolean
}

const KEY = 'headgateAccess'

/** Makes room for the access in every request, so that all of them keep one shape. */
export function decorateAccess(app: FastifyInstance): void {
  app.decorateRequest(KEY, null)
}

export function grant(request: FastifyRequest, access: Access): void {
  ;(request as unknown as Record<typeof KEY, Access>)[KEY] = access
}

/** The access that the gate granted; used by routes behind it. */
export function accessOf(request: FastifyRequest): Access {
  const access = (request as unknown as Record<typeof KEY, Access | null>)[KEY]
  if (access === null) throw new Error(`${request.url} is not behind the gate`)
  return access
}

/** The same, where a request may have been refused before: null. */
export function grantedTo(request: FastifyRequest): Access | null {
  return (request as unknown as Record<typeof KEY, Access | null>)[KEY]
}

/** How a task is shown to a request: callers are named to operators, and not to bearers of tickets. */
export function viewOptions(
  request: FastifyRequest,
  { caller, onlyTask }: Access = accessOf(request),
): ViewOptions {
  return { prefix: readPrefix(request), showsCaller: caller.role === 'operator' && onlyTask === null }
}

/** A task without its result, when there is one and the access reaches it; others' tasks are as good as none. */
export async function visibleTask(
  { journal }: Pick<StorageServices, 'journal'>,
  { caller, onlyTask }: Access,
  id: string,
): Promise<Task | undefined> {
  if (onlyTask !== null && onlyTask !== id) return undefined
  const task = await journal.find(id)
  return task !== undefined && maySee(caller, task.caller) ? task : undefined
}
