import { findCause } from '../../task/causes.ts'
import type { Wait } from '../../task/outcome.ts'

/**
 * Ends a run that cannot continue now: thrown by `ctx.resource`, and not to be caught. The task runs again when there is
 * room; steps that were kept are not done again.
 */
export class RescheduleError extends Error {
  override readonly name = 'ParkedError'
  readonly wait: Wait

  constructor(wait: Wait, options?: ErrorOptions) {
    super(`The task waits: ${wait.failure?.message ?? `no room at the resource "${wait.resource}"`}`, options)
    this.wait = wait
  }
}

/** The wait that an error, or one that it wraps, asks for. */
export function findReschedule(thrown: unknown): Wait | null {
  return findCause(thrown, RescheduleError)?.wait ?? null
}
