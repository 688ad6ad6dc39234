import { isTerminal } from '../task/status.ts'
import type { Task } from '../task/task.ts'
import type { TaskPage, TaskQuery } from './journal.ts'

/** Tasks that have not ended, as they were committed: what is asked for most is answered from memory. */
export class LiveTasks {
  readonly #tasks = new Map<string, Task>()

  /** Takes the newest version; one that has ended is forgotten. */
  set(task: Task): void {
    if (isTerminal(task.status)) this.#tasks.delete(task.id)
    else this.#tasks.set(task.id, task)
  }

  get(id: string): Task | undefined {
    return this.#tasks.get(id)
  }

  list(query: TaskQuery): TaskPage {
    return takePage(this.#tasks.values(), query)
  }
}

/** The page of a query from all tasks there are. */
export function takePage(tasks: Iterable<Task>, query: TaskQuery): TaskPage {
  const matching: Task[] = []
  for (const task of tasks) if (matches(task, query)) matching.push(task)
  matching.sort((a, b) => (a.id < b.id ? 1 : -1))
  const page = matching.slice(0, query.limit)
  const next = matching.length > page.length ? (page.at(-1)?.id ?? null) : null
  return { tasks: page, next }
}

function matches(task: Task, { status, type, caller, before }: TaskQuery): boolean {
  return (
    (status === undefined || task.status === status) &&
    (type === undefined || task.type === type) &&
    (caller === undefined || task.caller === caller) &&
    (before === undefined || task.id < before)
  )
}
