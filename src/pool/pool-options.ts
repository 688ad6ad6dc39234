import type { Outcome } from '../task/outcome.ts'
import type { PlaceLimits } from './capacity.ts'
import type { RoomOptions } from './order/priority-queue.ts'
import type { Ticket } from '../task/ticket.ts'

/** What limits a queue: numbers that a setting has, and an operator may change. */
export interface PoolBounds
  extends PlaceLimits, Pick<RoomOptions, 'headStartMs' | 'weightOf' | 'maxRunningPerCaller'> {
  /** Tasks that may be parked before newcomers are refused; null: ten times the capacity. */
  readonly maxParked: number | null
  /** Tasks that may run at once, 0 or more. */
  readonly slots: number
  /** Unresponsive handlers that may run beside the slots; 0: each keeps its slot. */
  readonly maxStuck: number
  /** Time between the abort of a run and its abandonment. */
  readonly graceMs: number
}

/** Whom a pool works with. */
export interface PoolDeps extends Pick<RoomOptions, 'concurrencyOf' | 'resourcesOf' | 'clock'> {
  /** Runs a task's handler once and resolves to its outcome; expected never to reject. */
  readonly work: (ticket: Ticket, signal: AbortSignal) => Promise<Outcome>
  /** Called with the one outcome of each run, before the slot is given to another task. */
  readonly ended: (ticket: Ticket, outcome: Outcome) => void
  /** Called when a delayed task is due: `requeue` puts it back. */
  readonly due: (id: string) => void
  /** Called when the start deadline of a task has passed; it waits no more. */
  readonly expired: (id: string) => void
}

/** Why no task starts: start or stop of the process, an operator, or a lack of resources of the machine. */
export type Hold = 'lifecycle' | 'operator' | 'memory' | 'event-loop'
