import type { TaskWithResult } from './types.ts'

/** The body of a problem (RFC 9457). */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly error_type: string
  readonly retry_after?: number
  readonly request_id?: string
  readonly errors?: readonly { readonly path: string; readonly message: string }[]
  readonly [name: string]: unknown
}

/** The server refused a request; `errorType` is the code of the problem, such as `task_not_found`. */
export class RequestFailed extends Error {
  override readonly name: string = 'RequestFailed'
  readonly status: number
  readonly errorType: string
  readonly problem: Problem | null
  /** Seconds until another try may succeed; null: the server did not say. */
  readonly retryAfter: number | null

  constructor(status: number, problem: Problem | null, retryAfter: number | null) {
    super(problem?.detail ?? `The server answered ${status}.`)
    this.status = status
    this.errorType = problem?.error_type ?? 'unknown'
    this.problem = problem
    this.retryAfter = retryAfter
  }
}

/** There was no place in time: the queue is full, or takes nothing now. `retryAfter` is in seconds. */
export class QueueFull extends RequestFailed {
  override readonly name = 'QueueFull'
}

/** The work failed, was cancelled, or did not end in its time. */
export class TaskFailed extends Error {
  override readonly name = 'TaskFailed'
  readonly errorType: string
  /** What a person can do about it. */
  readonly suggestions: readonly string[]
  readonly task: TaskWithResult

  constructor(task: TaskWithResult) {
    super(task.error?.message ?? `Task ${task.task_id} ended as ${task.status}.`)
    this.errorType = task.error?.error_type ?? task.status
    this.suggestions = task.error?.suggestions ?? []
    this.task = task
  }
}
