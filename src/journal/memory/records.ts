import type { TaskEvent } from '../../task/event.ts'
import type { TaskStatus } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { Delivery, KeyRecord, MinuteRow, NewStep } from '../journal.ts'
import { TaskIndex } from '../task-index.ts'

export interface Record {
  task: Task
  /** Rising by one; the first may have been pruned. */
  events: readonly TaskEvent[]
}

/** What the parts of the memory journal share. */
export class Memory {
  readonly records = new Map<string, Record>()
  /** The newest versions, as they are listed. */
  readonly index = new TaskIndex()
  readonly steps = new Map<string, Map<string, NewStep>>()
  /** By caller and key, as JSON. */
  readonly keys = new Map<string, KeyRecord>()
  /** Ids of tasks by their content. */
  readonly contents = new Map<string, string[]>()
  readonly deliveries = new Map<string, Delivery>()
  readonly erased = new Map<string, { readonly caller: string; readonly at: number }>()
  /** Rows of the history, by minute and writer. */
  readonly minutes = new Map<string, MinuteRow>()
  readonly totals = new Map<TaskStatus, number>()

  count(status: TaskStatus, change: 1 | -1): void {
    this.totals.set(status, (this.totals.get(status) ?? 0) + change)
  }

  /** Drops a task and all that belongs to it. */
  forget(id: string): Task | undefined {
    const task = this.records.get(id)?.task
    this.records.delete(id)
    this.index.delete(id)
    if (this.steps.size > 0) this.steps.delete(id)
    for (const delivery of this.deliveries.values())
      if (delivery.taskId === id) this.deliveries.delete(delivery.id)
    if (task?.content != null) {
      const others = this.contents.get(task.content)?.filter((other) => other !== id) ?? []
      if (others.length === 0) this.contents.delete(task.content)
      else this.contents.set(task.content, others)
    }
    return task
  }
}
