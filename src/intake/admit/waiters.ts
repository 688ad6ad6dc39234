import type { WorkerPool } from '../../pool/worker-pool.ts'
import type { Resources } from '../../resource/resources.ts'
import { placeAfter, type EventBody } from '../../task/event.ts'
import { priorityName, type Priority } from '../../task/priority.ts'
import type { Task } from '../../task/task.ts'
import type { Recorder } from '../record/recorder.ts'

export interface WaitersParts {
  readonly recorder: Recorder
  readonly pool: WorkerPool
  readonly resources: Pick<Resources, 'reprioritise'>
}

/** Several submits that wait for one task. */
export class Waiters {
  readonly #parts: WaitersParts

  constructor(parts: WaitersParts) {
    this.#parts = parts
  }

  /** One more waits: the task is as urgent as the most urgent of them. Undefined: it has ended meanwhile. */
  join(task: Task, asked: Priority): Promise<Task | undefined> {
    const { pool, recorder } = this.#parts
    const waiters = task.waiters + 1
    const priority = asked > task.priority ? asked : task.priority
    const lifted = { ...task, waiters, priority }
    const isLifted = priority !== task.priority && this.#move(lifted)
    const body: EventBody = isLifted
      ? { type: 'queued', ...placeAfter(pool.tasksAhead(task.id) ?? 0) }
      : { type: 'log', message: `${waiters} submits of the same input wait for this task.`, level: 'info' }
    return recorder.record(task.id, { waiters, priority }, body)
  }

  /** Moves a task that has not started to another level, where it keeps its age; undefined: it has started. */
  reprioritise(task: Task, priority: Priority): Promise<Task | undefined> {
    if (!this.#move({ ...task, priority })) return Promise.resolve(undefined)
    const { pool, recorder } = this.#parts
    const body: EventBody =
      task.status === 'queued'
        ? { type: 'queued', ...placeAfter(pool.tasksAhead(task.id) ?? 0) }
        : { type: 'log', message: `The priority is ${priorityName(priority)} now.`, level: 'info' }
    return recorder.record(task.id, { priority }, body)
  }

  #move(task: Task): boolean {
    this.#parts.resources.reprioritise(task.id, task.priority)
    return this.#parts.pool.reprioritise(task)
  }

  /** One of several leaves. */
  leave(task: Task): Promise<Task | undefined> {
    const waiters = task.waiters - 1
    const message = `One of ${task.waiters} submits that waited for this task has left; it goes on for the rest.`
    return this.#parts.recorder.record(task.id, { waiters }, { type: 'log', message, level: 'info' })
  }
}
