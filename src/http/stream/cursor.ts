import type { Subscription } from '../../events/subscription.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import { visibleTask, type Access } from '../gate/access.ts'
import type { QueueServices, StorageServices, StreamServices } from '../deps.ts'
import type { ViewOptions } from '../schemas/views.ts'
import { splitFrames } from './frames.ts'

/** What is needed of the server. */
export type CursorDeps = Pick<QueueServices, 'admission'> &
  Pick<StorageServices, 'journal'> &
  Pick<StreamServices, 'replyMemory' | 'bus'>

/** One reader's place in the events of one task. */
export interface StreamCursor {
  readonly task: Task
  /** The reader has seen events up to this number. */
  readonly after: number
  readonly subscription: Subscription
  /** The task's end among them. */
  readonly hasSeenAll: boolean
  readonly view: ViewOptions
}

/** Who reads, and how tasks are shown to it. */
interface Reader {
  readonly access: Access
  readonly view: ViewOptions
}

export type ReadingReply =
  | ({ readonly kind: 'open' } & StreamCursor)
  | { readonly kind: 'unknown' }
  | { readonly kind: 'wrong-place'; readonly message: string }

/**
 * Finds a task and the place to read on from; `after` is a number or undefined for one that cannot be read.
 * It listens before it looks, so that nothing falls between.
 */
export async function openStream(
  deps: CursorDeps,
  { access, view }: Reader,
  { id, after }: { readonly id: string; readonly after: number | undefined },
): Promise<ReadingReply> {
  const subscription = deps.bus.subscribe(id)
  const task = await visibleTask(deps, access, id)
  if (task !== undefined && after !== undefined && after <= task.lastSeq) {
    const hasSeenAll = after === task.lastSeq && isTerminal(task.status)
    return { kind: 'open', task, after, subscription, hasSeenAll, view }
  }
  subscription.close()
  if (task === undefined) return { kind: 'unknown' }
  const message = `expected a whole number from 0 to ${task.lastSeq}, the newest event`
  return { kind: 'wrong-place', message }
}

/** The frames of a reading, from its place to the task's end. */
export function framesFor(deps: CursorDeps, { task, after, subscription, view }: StreamCursor) {
  const { journal, admission, replyMemory } = deps
  const placeOf = (each: Task) => admission.placeOf(each)
  const take = (bytes: number) => replyMemory.take(bytes)
  return splitFrames({ journal, subscription, taskId: task.id, after, view, placeOf, take })
}
