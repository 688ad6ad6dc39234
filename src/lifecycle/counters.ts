import { TASK_STATUSES, type TaskStatus } from '../task/status.ts'

/** Totals that cannot be computed from tasks. */
export interface SavedCounters {
  readonly rejected: number
  readonly retried: number
}

/**
 * How many tasks are in each of the ten statuses, those that ended long ago included: the sum is always
 * what was accepted.
 */
export class Counters {
  readonly #counts = Object.fromEntries(TASK_STATUSES.map((status) => [status, 0])) as Record<
    TaskStatus,
    number
  >
  #rejected = 0
  #retried = 0

  /** Tasks that found no place. */
  get rejected(): number {
    return this.#rejected
  }

  /** Runs that were followed by another attempt. */
  get retried(): number {
    return this.#retried
  }

  get accepted(): number {
    return TASK_STATUSES.reduce((sum, status) => sum + this.#counts[status], 0)
  }

  of(status: TaskStatus): number {
    return this.#counts[status]
  }

  /** Takes over what earlier processes counted. */
  restore(counts: Readonly<Partial<Record<TaskStatus, number>>>, lasting: SavedCounters): void {
    for (const status of TASK_STATUSES) this.#counts[status] = counts[status] ?? 0
    this.#rejected = lasting.rejected
    this.#retried = lasting.retried
  }

  accept(status: TaskStatus): void {
    this.#counts[status] += 1
  }

  move(from: TaskStatus, to: TaskStatus): void {
    this.#counts[from] -= 1
    this.#counts[to] += 1
  }

  retry(): void {
    this.#retried += 1
  }

  reject(): void {
    this.#rejected += 1
  }
}
