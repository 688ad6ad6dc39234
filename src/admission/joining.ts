import type { Recording } from '../lifecycle/recorder.ts'
import type { EventBody, QueuePlace } from '../task/event.ts'
import { priorityName, type Priority } from '../task/priority.ts'
import type { Task } from '../task/task.ts'
import type { Submission } from './submission.ts'

/** What several submits of one task change in it: decisions over its newest version. */

/** Which submit a cancel means; `left`: it has left before. */
type Leaver =
  | { readonly kind: 'waits'; readonly waiter: number }
  | { readonly kind: 'left' }
  | { readonly kind: 'unknown' }

/** The submit that a cancel means: the named one, or the newest that has not left. */
export function findLeaver(task: Task, waiter: number | null): Leaver {
  if (waiter === null) {
    let newest = task.joins
    while (newest > 1 && task.left.includes(newest)) newest -= 1
    return { kind: 'waits', waiter: newest }
  }
  if (waiter > task.joins) return { kind: 'unknown' }
  return task.left.includes(waiter) ? { kind: 'left' } : { kind: 'waits', waiter }
}

/** One of several leaves, with its webhook. */
export function toLeave(task: Task, waiter: number): Recording {
  const waiters = task.waiters - 1
  const left = [...task.left, waiter]
  const also = waiter === 1 ? {} : { dropped: deliveryId(task.id, waiter) }
  const message = `One of ${task.waiters} submits that waited for this task has left; it continues for the rest.`
  return { change: { waiters, left }, body: { type: 'log', message, level: 'info' }, ...also }
}

/**
 * One more waits: the task is as urgent as the most urgent of them, and each webhook is sent.
 *
 * @param lifted the event of a task that was moved to the level of this submit; null: it was not
 */
export function toJoin(
  task: Task,
  { priority: asked, webhook, caller }: Submission,
  lifted: EventBody | null,
): Recording {
  const waiters = task.waiters + 1
  const joins = task.joins + 1
  const priority = asked > task.priority ? asked : task.priority
  const message = `${waiters} submits of the same input wait for this task.`
  const body: EventBody = lifted ?? { type: 'log', message, level: 'info' }
  const delivery = webhook === null ? null : { id: deliveryId(task.id, joins), caller, ...webhook }
  return { change: { waiters, joins, priority }, body, ...(delivery === null ? {} : { delivery }) }
}

/** The event for a new priority: only a task that is in the queue has a position. */
export function toMoved({ status }: Task, priority: Priority, place: QueuePlace): EventBody {
  if (status === 'queued') return { type: 'queued', ...place }
  return { type: 'log', message: `The priority is ${priorityName(priority)} now.`, level: 'info' }
}

/** The first submit's delivery is named after the task alone. */
export function deliveryId(taskId: string, waiter: number): string {
  return `msg_${taskId}_${waiter}`
}
