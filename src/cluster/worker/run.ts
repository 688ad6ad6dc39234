import type { Guard } from '../../pool/run-guard.ts'
import type { Outcome } from '../../task/outcome.ts'
import type { Task } from '../../task/task.ts'
import type { HeldTicket } from '../tickets.ts'

/** One run of a task in this process. */
export interface Run {
  readonly id: string
  /** Its number: what an older one writes is refused. */
  readonly run: number
  readonly ticket: HeldTicket
  /** Monotonic reading at its start, ms. */
  readonly startedAt: number
  /** The newest version that this process knows. */
  task: Task
  guard: Guard | null
  /** Settles when everything that the handler reported is written, or dropped. */
  reports: Promise<void>
  /** The ticket went to another process: nothing is written any more. */
  isLost: boolean
  /** Whether steps of it may be kept: those of an earlier run, or its own. */
  hasSteps: boolean
}

/** A run that is over, to be written down. */
export interface EndedRun {
  readonly run: Run
  readonly outcome: Outcome
}
