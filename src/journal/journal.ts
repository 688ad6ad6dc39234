import type { TaskEvent } from '../task/event.ts'
import type { TaskStatus } from '../task/status.ts'
import type { Task } from '../task/task.ts'

/** One numbered event together with the version of the task that it led to: written as one. */
export interface JournalEntry {
  readonly task: Task
  readonly event: TaskEvent
}

export interface TaskQuery {
  readonly status?: TaskStatus
  readonly type?: string
  readonly caller?: string
  /** Only tasks older than this id. */
  readonly before?: string
  readonly limit: number
}

export interface TaskPage {
  /** Newest first. */
  readonly tasks: readonly Task[]
  /** Pass as `before` to get the next page; null on the last one. */
  readonly next: string | null
}

/**
 * Memory of tasks and their events. Appends are committed in the order of the calls; what is read was
 * committed.
 */
export interface TaskJournal {
  /** Settles when the entry is committed; rejects when it cannot be. */
  append(entry: JournalEntry): Promise<void>
  task(id: string): Promise<Task | undefined>
  list(query: TaskQuery): Promise<TaskPage>
  /** Events of a task with a higher number, in order; empty for an unknown task. */
  eventsAfter(taskId: string, seq: number): Promise<readonly TaskEvent[]>
}

/** Memory of the results of named steps, as JSON text; they go when their task ends. */
export interface StepJournal {
  loadStep(taskId: string, name: string): Promise<string | undefined>
  saveStep(taskId: string, name: string, value: string): Promise<void>
}

/** Everything that is remembered, behind small interfaces. */
export interface Journal extends AsyncDisposable {
  readonly tasks: TaskJournal
  readonly steps: StepJournal
}
