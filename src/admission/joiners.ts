import { randomUUID } from 'node:crypto'
import type { DeliveryJournal } from '../journal/journal.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Transitions } from '../lifecycle/transitions.ts'
import type { EventBody } from '../task/event.ts'
import type { Priority } from '../task/priority.ts'
import type { Task } from '../task/task.ts'
import type { Recorder } from '../lifecycle/recorder.ts'
import type { Joined } from './single-flight.ts'
import { deliveryId, toJoin, toLeave, toMoved } from './joining.ts'
import type { Submission } from './submission.ts'

export interface JoinersDeps {
  readonly recorder: Recorder
  readonly pool: WorkerPool
  readonly transitions: Pick<Transitions, 'reprioritise'>
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
  async join(task: Task, submission: Submission): Promise<Joined | undefined> {
    const { priority: asked } = submission
    const isLifted = asked > task.priority && this.#deps.transitions.reprioritise(task.id, asked)
    const recording = toJoin(task, submission, isLifted ? this.#movedEvent(task, asked) : null)
    const joined = await this.#deps.recorder.recordWith(task.id, recording)
    return joined && { task: joined, waiter: joined.joins }
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
    if (!this.#deps.transitions.reprioritise(task.id, priority)) return Promise.resolve(undefined)
    return this.#deps.recorder.record(task.id, { priority }, this.#movedEvent(task, priority))
  }

  #movedEvent(task: Task, priority: Priority): EventBody {
    const { pool } = this.#deps
    return toMoved(task, priority, pool.placeAfter(pool.tasksAhead(task.id) ?? 0))
  }

  /** One of several leaves, with its webhook. */
  leave(task: Task, waiter: number): Promise<Task | undefined> {
    return this.#deps.recorder.recordWith(task.id, toLeave(task, waiter))
  }
}
