import { FAILURE_TYPES, type FailureKinds } from '../task/failure.ts'
import { HeadgateError } from '../task/errors.ts'
import { defineTask, type TaskType } from './define-task.ts'
import { RetryPolicy } from './retry/retry-policy.ts'

/** The task types of this process, by name. */
export class Registry {
  readonly #types = new Map<string, TaskType>()
  readonly #policies = new Map<string, RetryPolicy>()

  /** @throws HeadgateError `duplicate-task-type`, or `invalid-task-type` for one that is none. */
  constructor(types: readonly TaskType[]) {
    for (const type of types.map((given) => defineTask(given))) {
      if (this.#types.has(type.type)) {
        throw new HeadgateError('duplicate-task-type', `Two task types are named "${type.type}".`)
      }
      this.#types.set(type.type, type)
      this.#policies.set(type.type, new RetryPolicy(type.retry ?? {}))
    }
  }

  /** Failures that a handler of this type may throw: those it declares, and those that other types do. */
  listFailures(type: string): FailureKinds {
    const all = Object.assign(
      {},
      ...[...this.#types.values()].map(({ failures }) => failures),
    ) as FailureKinds
    return { ...all, ...this.#types.get(type)?.failures }
  }

  find(type: string): TaskType | undefined {
    return this.#types.get(type)
  }

  /**
   * How many tasks of a type may run at once. One that is not registered has tasks that wait, from an earlier
   * process; none may start.
   */
  concurrencyOf(type: string): number {
    const found = this.#types.get(type)
    return found === undefined ? 0 : (found.concurrency ?? Infinity)
  }

  /** The retry policy of a type, with the budget that its tasks share. */
  policyOf(type: string): RetryPolicy {
    return this.#policies.get(type) ?? new RetryPolicy({})
  }

  /** Resources that tasks of a type draw from. */
  resourcesOf(type: string): readonly string[] {
    return Object.keys(this.#types.get(type)?.resources ?? {})
  }

  /** Names of every failure that a task may end with. */
  get failureTypes(): readonly string[] {
    const own = [...this.#types.values()].flatMap(({ failures = {} }) => Object.keys(failures))
    return [...new Set([...Object.keys(FAILURE_TYPES), ...own])]
  }

  get all(): readonly TaskType[] {
    return [...this.#types.values()]
  }
}
