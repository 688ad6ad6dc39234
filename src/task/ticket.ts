import type { Wait } from './outcome.ts'
import type { Priority } from './priority.ts'
import type { Task } from './task.ts'

/** A task that was interrupted this often without progress runs alone. */
const STRIKES_OF_SUSPECT = 2

/** Why a task may not start yet. */
export interface Delay {
  /** `scheduled`: its own delay is not over, and it counts as waiting; `parked`: what it needs is not there. */
  readonly kind: 'scheduled' | 'parked'
  /** Epoch ms; null: as soon as there is room for it. */
  readonly until: number | null
  /** Whether it is due at its time; otherwise it is woken. */
  readonly isTimed: boolean
}

/**
 * What the pool knows of a task: the permission to run it, with what orders it and holds it back. The task itself,
 * its versions and its events are with the lifecycle alone. Never changed in place.
 */
export interface Ticket {
  /** Of the task. */
  readonly id: string
  readonly type: string
  readonly priority: Priority
  readonly caller: string
  /** Epoch ms. */
  readonly createdAt: number
  /** It expires when it has not started by then, epoch ms. */
  readonly startDeadlineAt: number | null
  /** Time limit of each run. */
  readonly timeoutMs: number
  /** Whether it has been started before. */
  readonly hasRun: boolean
  /** Whether it may be what ends the process: it runs beside no other of its kind. */
  readonly isSuspect: boolean
  /** null: it may start. */
  readonly delay: Delay | null
}

/** The ticket of a task that does not run. */
export function toTicket(task: Task): Ticket {
  const { id, type, priority, caller, createdAt, startDeadlineAt, timeoutMs, run, strikes } = task
  return {
    id,
    type,
    priority,
    caller,
    createdAt,
    startDeadlineAt,
    timeoutMs,
    hasRun: run > 0,
    isSuspect: strikes >= STRIKES_OF_SUSPECT,
    delay: toDelay(task),
  }
}

function toDelay({ status, waitUntil, waitResource }: Task): Delay | null {
  if (status !== 'scheduled' && status !== 'waiting') return null
  const parked = toParked({ until: waitUntil, resource: waitResource })
  return status === 'scheduled' ? { ...parked, kind: 'scheduled' } : parked
}

/** The delay of a task whose run ended with a wait. */
export function toParked({ until, resource }: Pick<Wait, 'until' | 'resource'>): Delay {
  return { kind: 'parked', until, isTimed: resource === null }
}
