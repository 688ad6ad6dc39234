import type { Lease } from '../task/resource.ts'
import type { ErrorClass } from '../task/error-class.ts'
import { failure } from '../task/failure.ts'

/** A call that was left behind proves nothing about its provider. */
const ABANDONED: ErrorClass = {
  kind: 'end',
  failure: failure('execution_error', 'The run ended before the call did.'),
  why: 'other',
}

/** What the calls of each task hold of one resource. */
export class OpenLeases {
  readonly #byTask = new Map<string, Set<Lease>>()

  add(taskId: string, lease: Lease): void {
    this.#byTask.set(taskId, (this.#byTask.get(taskId) ?? new Set()).add(lease))
  }

  remove(taskId: string, lease: Lease): void {
    const leases = this.#byTask.get(taskId)
    leases?.delete(lease)
    if (leases?.size === 0) this.#byTask.delete(taskId)
  }

  /** Gives everything back that a task holds, also for calls that never return. */
  endAll(taskId: string): void {
    for (const lease of this.#byTask.get(taskId) ?? []) lease.end(ABANDONED)
  }
}
