import type { Clock } from '../task/clock.ts'
import type { Outcome } from '../task/outcome.ts'
import type { Task } from '../task/task.ts'
import type { PlaceLimits } from './capacity.ts'
import type { RoomOptions } from './priority-queue.ts'

export interface PoolOptions extends PlaceLimits, RoomOptions {
  /** Tasks that may be parked before newcomers are refused; null: ten times the capacity. */
  readonly maxParked: number | null
  /** Tasks that may run at once, 0 or more. */
  readonly slots: number
  /** Deaf handlers that may go on beside the slots; 0: a deaf handler keeps its slot. */
  readonly maxStuck: number
  /** Time between the abort of a run and its abandonment. */
  readonly graceMs: number
  readonly clock: Clock
  /** Runs a task's handler once and says how it went; expected never to reject. */
  readonly work: (task: Task, signal: AbortSignal) => Promise<Outcome>
  /** Hears the one outcome of each run, before the slot is given to another task. */
  readonly ended: (task: Task, outcome: Outcome) => void
  /** Hears that a sleeping task should go on: it does with `requeue`. */
  readonly due: (id: string) => void
  /** Hears that the start deadline of a task passed; it waits no more. */
  readonly expired: (id: string) => void
}

/** Why no task starts: the house wakes up or goes to rest, an operator said so, the machine is short of something. */
export type Hold = 'lifecycle' | 'operator' | 'memory' | 'event-loop'
