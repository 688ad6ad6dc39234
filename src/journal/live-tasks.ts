import { isTerminal } from '../task/status.ts'
import type { Task } from '../task/task.ts'
import type { TaskPage, TaskQuery } from './journal.ts'
import { TaskIndex } from './task-index.ts'

/** Tasks that have not ended, as they were committed: what is asked for most is answered from memory. */
export class LiveTasks {
  readonly #index = new TaskIndex()

  /** Takes the newest version; one that has ended is forgotten. */
  set(task: Task): void {
    if (isTerminal(task.status)) this.#index.delete(task.id)
    else this.#index.set(task)
  }

  get(id: string): Task | undefined {
    return this.#index.get(id)
  }

  list(query: TaskQuery): TaskPage {
    return this.#index.list(query)
  }
}
