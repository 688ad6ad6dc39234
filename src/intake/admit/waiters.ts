import type { WorkerPool } from '../../pool/worker-pool.ts'
import { placeAfter, type EventBody } from '../../task/event.ts'
import type { Priority } from '../../task/priority.ts'
import type { Task } from '../../task/task.ts'
import type { Recorder } from '../record/recorder.ts'

export interface WaitersParts {
  readonly recorder: Recorder
  readonly pool: WorkerPool
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
    const isLifted = priority !== task.priority && task.status === 'queued' && pool.reprioritise(lifted)
    const body: EventBody = isLifted
      ? { type: 'queued', ...placeAfter(pool.tasksAhead(task.id) ?? 0) }
      : { type: 'log', message: `${waiters} submits of the same input wait for this task.`, level: 'info' }
    return recorder.record(task.id, { waiters, priority }, body)
  }

  /** One of several leaves. */
  leave(task: Task): Promise<Task | undefined> {
    const waiters = task.waiters - 1
    const message = `One of ${task.waiters} submits that waited for this task has left; it goes on for the rest.`
    return this.#parts.recorder.record(task.id, { waiters }, { type: 'log', message, level: 'info' })
  }
}
