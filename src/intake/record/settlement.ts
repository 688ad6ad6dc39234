import { placeAfter, type EventBody } from '../../task/event.ts'
import { failure, type Failure } from '../../task/failure.ts'
import type { Outcome } from '../../task/outcome.ts'
import type { Task, TaskChange } from '../../task/task.ts'

export interface Settlement {
  readonly change: TaskChange
  readonly body: EventBody
}

export interface Moment {
  readonly now: number
  /** Waiting tasks before this one, when it goes back to the queue. */
  readonly tasksAhead: number
}

/** What one outcome does to its task, and the event that tells it. */
export function settlementOf(task: Task, outcome: Outcome, { now, tasksAhead }: Moment): Settlement {
  switch (outcome.kind) {
    case 'completed':
      return {
        change: { status: 'completed', finishedAt: now, progress: 100, result: outcome.result },
        body: { type: 'result', ...outcome.headline },
      }
    case 'failed':
      return ended('error', outcome.failure, now)
    case 'timeout':
      return ended('timeout', timeoutFailure(outcome.limitMs), now)
    case 'cancelled':
      return ended('cancelled', failure('cancelled', 'The task was cancelled.'), now)
    case 'interrupted':
      return {
        // The attempt is given back: a stopping server burns none.
        change: { status: 'queued', attempt: Math.max(0, task.attempt - 1), startedAt: null },
        body: { type: 'queued', ...placeAfter(tasksAhead) },
      }
  }
}

function ended(status: 'error' | 'timeout' | 'cancelled', why: Failure, now: number): Settlement {
  return { change: { status, finishedAt: now, failure: why }, body: { type: 'error', failure: why } }
}

function timeoutFailure(limitMs: number): Failure {
  return failure('timeout', `The task passed its time limit of ${limitMs / 1000} s.`)
}
