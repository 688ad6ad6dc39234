import type { Http } from './http.ts'
import type { BulkReply, FailureGroup, PriorityName, Task, TaskStatus } from './types.ts'

/** Which tasks are meant; all that is given must hold. */
export interface TaskFilter {
  /** Any of these. */
  readonly status?: readonly TaskStatus[]
  readonly type?: string
  readonly priority?: PriorityName
  /** Who submitted them; for operators. */
  readonly caller?: string
  readonly error_type?: string
  /** Admitted at this instant or later, ISO 8601. */
  readonly since?: string
  readonly until?: string
  /** Part of the id, title, file name or metadata, in letters of either case. */
  readonly q?: string
}

interface Page {
  readonly tasks: readonly Task[]
  /** null: this was the last page. A page may hold fewer than asked before it. */
  readonly next_cursor: string | null
}

/** What is done to many tasks at once. */
export type BulkOperation =
  | { readonly op: 'retry' | 'cancel' | 'delete' }
  | { readonly op: 'priority'; readonly priority: PriorityName }

/** To these tasks, at most 1000, or to the newest 1000 that the filter finds. */
export type BulkRequest = BulkOperation &
  ({ readonly ids: readonly string[] } | { readonly filter: TaskFilter }) & {
    /** Only says what would be done. */
    readonly dry_run?: boolean
  }

/** Lists of tasks. */
export class Tasks {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** One page, the newest first. */
  page(
    filter: TaskFilter = {},
    options: {
      readonly limit?: number
      readonly cursor?: string | null
      readonly signal?: AbortSignal | undefined
    } = {},
  ): Promise<Page> {
    const { limit, cursor, signal } = options
    return this.#http.json('GET', '/api/tasks', { query: { ...filter, limit, cursor }, signal })
  }

  /** Does one thing to many tasks; the reply says for which it could not be done, and why. */
  bulk(request: BulkRequest): Promise<BulkReply> {
    return this.#http.json('POST', '/api/tasks/bulk', { body: request })
  }

  /** The failures of the last hours, grouped by their kind, the largest group first. `ids`: of each group, 5 to 1000. */
  async failures(hours = 24, ids = 5, signal?: AbortSignal): Promise<readonly FailureGroup[]> {
    const query = { hours, ids }
    const reply = await this.#http.json<{ groups: FailureGroup[] }>('GET', '/api/tasks/failures', {
      query,
      signal,
    })
    return reply.groups
  }

  /** All of them, the newest first, page by page as they are taken. */
  async *list(filter: TaskFilter = {}, signal?: AbortSignal): AsyncGenerator<Task, void, undefined> {
    let cursor: string | null = null
    do {
      const page: Page = await this.page(filter, {
        limit: 100,
        cursor,
        signal,
      })
      yield* page.tasks
      cursor = page.next_cursor
    } while (cursor !== null)
  }
}
