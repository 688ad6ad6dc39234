import { failure, type Failure } from '../../task/failure.ts'
import type { Outcome, Wait } from '../../task/outcome.ts'
import type { Task } from '../../task/task.ts'
import type { ErrorClass } from '../../task/error-class.ts'
import { RetryBudget } from './retry-budget.ts'

/** How a task type handles errors that another attempt can fix. Durations in ms. */
export interface RetryOptions {
  /** Attempts in all, 1 to 20. Default: the setting MAX_ATTEMPTS. */
  readonly maxAttempts?: number
  /** Upper end of the first pause; each further one doubles it. Default: 2000. */
  readonly baseMs?: number
  /** Upper end of any pause. Default: 60 000. */
  readonly capMs?: number
  /**
   * Classifies an error that the built-in rules do not know: `retry`, `park` (as a rate limit) or `end`;
   * undefined leaves it to them.
   */
  readonly classify?: (thrown: unknown) => 'retry' | 'park' | 'end' | undefined
}

export interface Moment {
  /** Epoch ms. */
  readonly now: number
  /** The same, not moved by a jump of the wall clock. */
  readonly provenNow: number
  /** 0 to 1. */
  readonly random: () => number
}

const DEFAULT_BASE_MS = 2000
const DEFAULT_CAP_MS = 60_000
/** A task may be parked for errors of a provider for this long in all. */
const MAX_PARKED_MS = 48 * 3600 * 1000

/** The retry policy of one task type, with the budget that its tasks share. */
export class RetryPolicy {
  readonly #options: RetryOptions
  readonly #budget = new RetryBudget()

  constructor(options: RetryOptions) {
    this.#options = options
  }

  /** A first attempt has begun: it pays into the budget. */
  began(): void {
    this.#budget.earn()
  }

  /** What becomes of a task whose run failed so. */
  decide(task: Task, errorClass: ErrorClass, moment: Moment): Outcome {
    switch (errorClass.kind) {
      case 'end':
        return { kind: 'failed', failure: errorClass.failure }
      case 'retry':
        return this.#retry(task, errorClass, moment)
      case 'park':
        return this.#park(task, errorClass, moment)
    }
  }

  /** What becomes of a task that a resource has no room for. */
  wait(task: Task, wait: Wait, { provenNow }: Moment): Outcome {
    return (wait.failure !== null && tooLong(task, wait.failure, provenNow)) || { kind: 'waits', wait }
  }

  #retry(
    task: Task,
    { failure: why, afterMs }: Extract<ErrorClass, { kind: 'retry' }>,
    moment: Moment,
  ): Outcome {
    if (task.attempt >= task.maxAttempts) return { kind: 'failed', failure: why }
    const { capMs = DEFAULT_CAP_MS } = this.#options
    // Without budget, retries are as slow as allowed: a flood of them would keep the provider down.
    const pauseMs = this.#budget.spend() ? this.#jitter(task.attempt, moment) : capMs
    const until = moment.now + Math.max(pauseMs, afterMs ?? 0)
    return { kind: 'waits', wait: { reason: 'retry_backoff', failure: why, until, resource: null } }
  }

  #park(task: Task, errorClass: Extract<ErrorClass, { kind: 'park' }>, moment: Moment): Outcome {
    const { failure: why, afterMs, limit } = errorClass
    const given = tooLong(task, why, moment.provenNow)
    if (given !== null) return given
    const reason = limit === 'quota' ? 'quota' : 'rate_limit'
    const parks = task.history.filter(({ outcome }) => outcome === 'rate_limit').length
    const until = moment.now + (afterMs ?? this.#jitter(parks + 1, moment))
    return { kind: 'waits', wait: { reason, failure: why, until, resource: null } }
  }

  /** Full jitter (Brooker 2015): anything from 0 to the cap of this attempt. */
  #jitter(attempt: number, { random }: Moment): number {
    const { baseMs = DEFAULT_BASE_MS, capMs = DEFAULT_CAP_MS } = this.#options
    return Math.round(random() * Math.min(capMs, baseMs * 2 ** (attempt - 1)))
  }
}

/** A task is given up when it was parked this long for the same cause. */
function tooLong(task: Task, why: Failure, now: number): Outcome | null {
  const parkedMs = now - (task.parkedSince ?? now)
  if (parkedMs <= MAX_PARKED_MS) return null
  const message = `${why.message} It was so for ${Math.round(parkedMs / 3_600_000)} hours.`
  return { kind: 'failed', failure: failure(why.errorType, message) }
}
