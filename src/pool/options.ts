import type { Clock } from '../task/clock.ts'
import type { Outcome } from '../task/outcome.ts'
import type { Task } from '../task/task.ts'

export interface PoolOptions {
  /** Tasks that may run at once, 0 or more. */
  readonly slots: number
  /** Places in the waiting room: reserved and waiting tasks together, 0 or more. */
  readonly capacity: number
  /** Deaf handlers that may go on beside the slots; 0: a deaf handler keeps its slot. */
  readonly maxStuck: number
  /** Time between the abort of a run and its abandonment. */
  readonly graceMs: number
  readonly clock: Clock
  /** How many tasks of a type may run at once; Infinity for no limit of its own. */
  readonly concurrencyOf: (type: string) => number
  /** Runs a task's handler once and says how it went; expected never to reject. */
  readonly work: (task: Task, signal: AbortSignal) => Promise<Outcome>
  /** Hears the one outcome of each run, before the slot is given to another task. */
  readonly ended: (task: Task, outcome: Outcome) => void
}

/** A place in the waiting room, held for a task that is being admitted. Used up by `enqueue` or `release`. */
export interface Place {
  /** Waiting and reserved tasks that would start before this one, when the place was taken. */
  readonly tasksAhead: number
  readonly release: () => void
}
