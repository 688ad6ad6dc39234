import { placeAfter, type EventBody, type QueuePlace } from '../task/event.ts'
import { failure, type Failure, type FailureType } from '../task/failure.ts'
import type { Outcome, Wait } from '../task/outcome.ts'
import type { PastRun, Task, TaskChange } from '../task/task.ts'

/** Runs that a task's record keeps. */
const MAX_HISTORY = 20

export interface Settlement {
  readonly change: TaskChange
  readonly body: EventBody
}

export interface Moment {
  readonly now: number
  /** Waiting tasks before this one, when it goes back to the queue. */
  readonly tasksAhead: number
}

/** The effect of one outcome on its task, and the event for it. */
export function toSettlement(task: Task, outcome: Outcome, moment: Moment): Settlement {
  const { change, body } = endOf(task, outcome, moment)
  const history = toHistory(task, outcome, moment.now)
  return { change: history === task.history ? change : { ...change, history }, body }
}

function endOf(task: Task, outcome: Outcome, { now, tasksAhead }: Moment): Settlement {
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
    case 'waits':
      return waiting(task, outcome.wait, now)
    case 'interrupted':
      return {
        // The attempt is given back: a stopping server burns none.
        change: { status: 'queued', attempt: Math.max(0, task.attempt - 1), startedAt: null },
        body: { type: 'queued', ...placeAfter(tasksAhead) },
      }
  }
}

/** A run begins. @param waitMs since the admission; the wait for the first start stays */
export function toStart(task: Task, startedAt: number, waitMs: number): Settlement {
  const attempt = task.attempt + 1
  return {
    change: { status: 'running', run: task.run + 1, attempt, startedAt, waitMs: task.waitMs ?? waitMs },
    body: { type: 'started', attempt },
  }
}

/** A delayed task is queued again. */
export function toRequeued(place: QueuePlace): Settlement {
  return {
    change: { status: 'queued', waitReason: null, waitUntil: null, waitResource: null },
    body: { type: 'queued', ...place },
  }
}

/** The start deadline of a task has passed. */
export function toExpired(now: number): Settlement {
  const why = failure('expired', 'The task had not started when its start deadline passed.')
  return {
    change: { status: 'expired', finishedAt: now, failure: why },
    body: { type: 'error', failure: why },
  }
}

/** A back-off uses its attempt up; who was parked had no chance, and keeps it. */
function waiting(task: Task, { reason, failure: why, until, resource }: Wait, now: number): Settlement {
  const isBackoff = reason === 'retry_backoff'
  const since = why === null ? task.parkedSince : (task.parkedSince ?? now)
  return {
    change: {
      status: 'waiting',
      waitReason: reason,
      waitUntil: until,
      waitResource: resource,
      attempt: isBackoff ? task.attempt : Math.max(0, task.attempt - 1),
      parkedSince: isBackoff ? null : since,
    },
    body: { type: 'retrying', attempt: task.attempt, failure: why, retryAt: until, waitReason: reason },
  }
}

/** The runs of a task, the one that ends now included. */
function toHistory(task: Task, outcome: Outcome, now: number): readonly PastRun[] {
  const { run, attempt, startedAt, status, history } = task
  if (startedAt === null || (status !== 'running' && status !== 'cancelling')) return history
  const past = {
    run,
    attempt,
    startedAt,
    endedAt: now,
    outcome: normaliseWord(outcome),
    errorType: toErrorType(outcome),
  }
  return [...history.slice(-(MAX_HISTORY - 1)), past]
}

function normaliseWord(outcome: Outcome): PastRun['outcome'] {
  if (outcome.kind === 'waits') return outcome.wait.reason
  return outcome.kind === 'failed' ? 'error' : outcome.kind
}

function toErrorType(outcome: Outcome): FailureType | null {
  if (outcome.kind === 'failed') return outcome.failure.errorType
  return outcome.kind === 'waits' ? (outcome.wait.failure?.errorType ?? null) : null
}

function ended(status: 'error' | 'timeout' | 'cancelled', why: Failure, now: number): Settlement {
  return { change: { status, finishedAt: now, failure: why }, body: { type: 'error', failure: why } }
}

function timeoutFailure(limitMs: number): Failure {
  return failure('timeout', `The task passed its time limit of ${limitMs / 1000} s.`)
}
