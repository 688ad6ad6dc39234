import type { FastifyRequest } from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import { accessOf, visibleTask } from '../../gate/access.ts'
import type { StorageServices, StreamServices } from '../../deps.ts'
import { ownTask, type TaskRequest } from '../../problem/missing-task.ts'

/** What is needed of the server. */
export type WaitDeps = Pick<StorageServices, 'journal' | 'erased'> & Pick<StreamServices, 'bus'>

export interface WaitOptions {
  readonly id: string
  readonly seconds: number
  /** Answers at the next event after this number; absent: at the end of the task. */
  readonly after?: number | undefined
}

/** The task of a request as it is, or, where its query asks to wait, when that is over. */
export function readTask(
  deps: WaitDeps,
  request: TaskRequest,
  { wait: seconds = 0, after }: { readonly wait?: number | undefined; readonly after?: number | undefined },
): Promise<Task | undefined> {
  // A HEAD wants to know whether it is there, not what becomes of it.
  if (seconds === 0 || request.method !== 'GET') return ownTask(deps, request)
  return waitForTask(deps, request, { id: request.params.id, seconds, after })
}

/**
 * The task when it has ended, or, with `after`, when it has an event after that number; else as it is when the time is
 * over. It listens before it looks, so that nothing falls between.
 */
export async function waitForTask(
  deps: WaitDeps,
  request: FastifyRequest,
  { id, seconds, after }: WaitOptions,
): Promise<Task | undefined> {
  const subscription = deps.bus.subscribe(id)
  const gone = new AbortController()
  const leave = () => gone.abort()
  request.raw.socket.once('close', leave)
  if (request.raw.socket.destroyed) leave()
  const find = () => visibleTask(deps, accessOf(request), id)
  try {
    const task = await find()
    const isDue =
      task !== undefined && (isTerminal(task.status) || (after !== undefined && task.lastSeq > after))
    if (task === undefined || isDue) return task
    const limit = sleep(seconds * 1000, undefined, { signal: gone.signal }).catch(() => undefined)
    void limit.then(() => subscription.close())
    for await (const feedEvent of subscription) {
      if (feedEvent.type === 'position') continue
      if (after === undefined ? isTerminal(feedEvent.status) : feedEvent.seq > after) break
    }
    return await find()
  } finally {
    subscription.close()
    gone.abort()
    request.raw.socket.off('close', leave)
  }
}
