import { randomUUID } from 'node:crypto'
import type { DeliveryJournal } from '../journal/journal.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Resources } from '../resource/resources.ts'
import type { EventBody } from '../task/event.ts'
import { priorityName, type Priority } from '../task/priority.ts'
import type { Task } from '../task/task.ts'
import type { Recorder } from '../lifecycle/recorder.ts'
import type { Joined } from './single-flight.ts'
import type { Submission } from './submission.ts'

/** Which submit a cancel means; `left`: it has left before. */
type Leaver =
  | { readonly kind: 'waits'; readonly waiter: number }
  | { readonly kind: 'left' }
  | { readonly kind: 'unknown' }

export interface JoinersDeps {
  readonly recorder: Recorder
  readonly pool: WorkerPool
  readonly resources: Pick<Resources, 'reprioritise'>
  readonly deliveries: Pick<DeliveryJournal, 'add'>
  /** A webhook is due. */
  readonly deliver: () => void
  readonly now: () => number
}

/** Several submits that wait for one task. */
export class Joiners {
  readonly #deps: JoinersDeps

  constructor(deps: JoinersDeps) {
    this.#deps = deps
  }

  /**
   * One more waits: the task is as urgent as the most urgent of them, and each webhook is sent. Undefined: the task
   * has ended meanwhile.
   */
  async join(task: Task, { priority: asked, webhook, caller }: Submission): Promise<Joined | undefined> {
    const { recorder } = this.#deps
    const waiters = task.waiters + 1
    const joins = task.joins + 1
    const priority = asked > task.priority ? asked : task.priority
    const isLifted = priority !== task.priority && this.#move(task.id, priority)
    const message = `${waiters} submits of the same input wait for this task.`
    const body: EventBody = isLifted
      ? this.#movedEvent(task, priority)
      : { type: 'log', message, level: 'info' }
    const delivery = webhook === null ? null : { id: deliveryId(task.id, joins), caller, ...webhook }
    const also = delivery === null ? {} : { delivery }
    const joined = await recorder.recordWith(task.id, { change: { waiters, joins, priority }, body, ...also })
    return joined && { task: joined, waiter: joins }
  }

  /** One more has a task that has completed: its webhook is sent at once. */
  async have(task: Task, { webhook, caller }: Submission): Promise<void> {
    if (webhook === null) return
    const { deliveries, deliver, now } = this.#deps
    const id = `${deliveryId(task.id, task.joins)}_${randomUUID()}`
    await deliveries.add({ id, taskId: task.id, caller, ...webhook, attempt: 0, nextAt: now() })
    deliver()
  }

  /** Moves a task that has not started to another level, where it keeps its age; undefined: it has started. */
  reprioritise(task: Task, priority: Priority): Promise<Task | undefined> {
    if (!this.#move(task.id, priority)) return Promise.resolve(undefined)
    return this.#deps.recorder.record(task.id, { priority }, this.#movedEvent(task, priority))
  }

  /** The event for a new priority: only a task that is in the queue has a position. */
  #movedEvent({ id, status }: Task, priority: Priority): EventBody {
    const { pool } = this.#deps
    if (status === 'queued') return { type: 'queued', ...pool.placeAfter(pool.tasksAhead(id) ?? 0) }
    return { type: 'log', message: `The priority is ${priorityName(priority)} now.`, level: 'info' }
  }

  #move(id: string, priority: Priority): boolean {
    this.#deps.resources.reprioritise(id, priority)
    return this.#deps.pool.reprioritise(id, priority)
  }

  /** The submit that a cancel means: the named one, or the newest that has not left. */
  find(task: Task, waiter: number | null): Leaver {
    if (waiter === null) {
      let newest = task.joins
      while (newest > 1 && task.left.includes(newest)) newest -= 1
      return { kind: 'waits', waiter: newest }
    }
    if (waiter > task.joins) return { kind: 'unknown' }
    return task.left.includes(waiter) ? { kind: 'left' } : { kind: 'waits', waiter }
  }

  /** One of several leaves, with its webhook. */
  leave(task: Task, waiter: number): Promise<Task | undefined> {
    const waiters = task.waiters - 1
    const left = [...task.left, waiter]
    const also = waiter === 1 ? {} : { dropped: deliveryId(task.id, waiter) }
    const message = `One of ${task.waiters} submits that waited for this task has left; it continues for the rest.`
    const body = { type: 'log', message, level: 'info' } as const
    return this.#deps.recorder.recordWith(task.id, { change: { waiters, left }, body, ...also })
  }
}

/** The first submit's delivery is named after the task alone. */
function deliveryId(taskId: string, waiter: number): string {
  return `msg_${taskId}_${waiter}`
}
