import { failure } from '../task/failure.ts'
import type { Outcome } from '../task/outcome.ts'
import type { Task, TaskChange } from '../task/task.ts'

/** After this many interruptions in a row without a newly saved step, a task is assumed to cause them. */
const STRIKES_OF_QUARANTINE = 3

export interface Interruption {
  readonly outcome: Outcome
  readonly also: TaskChange & Pick<Task, 'strikes'>
}

/**
 * What becomes of a task whose process ended while it ran: it runs again, unless it seems to be the cause.
 *
 * @param stepsKept steps that are kept of it now
 */
export function toInterruption(task: Task, stepsKept: number): Interruption {
  if (task.status === 'cancelling') return { outcome: { kind: 'cancelled' }, also: { strikes: task.strikes } }
  const strikes = stepsKept > task.stepsKept ? 1 : task.strikes + 1
  const also = { interruptions: task.interruptions + 1, strikes, stepsKept }
  if (strikes < STRIKES_OF_QUARANTINE) return { outcome: { kind: 'interrupted' }, also }
  const message = `The process ended ${strikes} times in a row while this task ran.`
  return { outcome: { kind: 'failed', failure: failure('crash_loop', message) }, also }
}
