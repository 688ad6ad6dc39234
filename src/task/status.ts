import { HeadgateError } from './errors.ts'

/**
 * The ten statuses and every move between them. Terminal statuses have no way out, so an outcome is
 * written once. `running → queued` is an interrupted run that goes back (stop, crash); it keeps its
 * attempt.
 */
export const STATUS_MOVES = {
  scheduled: ['queued', 'cancelled', 'expired'],
  queued: ['running', 'cancelled', 'expired'],
  running: ['completed', 'error', 'timeout', 'waiting', 'cancelling', 'queued'],
  waiting: ['queued', 'cancelled', 'expired', 'error'],
  cancelling: ['cancelled'],
  completed: [],
  error: [],
  timeout: [],
  cancelled: [],
  expired: [],
} as const satisfies Record<string, readonly string[]>

export type TaskStatus = keyof typeof STATUS_MOVES
export const TASK_STATUSES = Object.keys(STATUS_MOVES) as readonly TaskStatus[]

export type TerminalStatus = 'completed' | 'error' | 'timeout' | 'cancelled' | 'expired'

export function isTerminal(status: TaskStatus): status is TerminalStatus {
  return STATUS_MOVES[status].length === 0
}

export const TERMINAL_STATUSES = TASK_STATUSES.filter(isTerminal)

/** @throws HeadgateError `illegal-move`: a defect of the program, never of a request. */
export function assertMove(from: TaskStatus, to: TaskStatus): void {
  const allowed: readonly string[] = STATUS_MOVES[from]
  if (!allowed.includes(to)) {
    throw new HeadgateError('illegal-move', `A task cannot move from ${from} to ${to}.`)
  }
}
