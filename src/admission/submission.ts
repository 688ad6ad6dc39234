import type { ErrorCode } from '../task/errors.ts'
import type { QueuePlace } from '../task/event.ts'
import type { Priority } from '../task/priority.ts'
import type { Task, Trace, Upload, Webhook } from '../task/task.ts'

export interface Submission {
  readonly type: string
  readonly input: unknown
  readonly upload: Upload | null
  readonly priority: Priority
  readonly metadata: Readonly<Record<string, unknown>> | null
  readonly webhook: Webhook | null
  readonly caller: string
  /** The client's name for this submit (Idempotency-Key): sent again, it makes no second task. */
  readonly key: string | null
  /** Whether an equal submit of the same caller joins this task; null: as its type defines. */
  readonly dedupe: boolean | null
  /** The first run does not start before; 0: at once. */
  readonly delayMs: number
  /** The task expires when it has not started by then, counted from its admission; null: it waits. */
  readonly startDeadlineMs: number | null
  /** Time limit of a run, the type's at the most; null: the type's. */
  readonly timeoutMs: number | null
  /** The type's at the most; null: the type's. */
  readonly maxAttempts: number | null
  /** The task whose work is to be done again. */
  readonly retryOf: string | null
  /** The request that asks for it. */
  readonly trace: Trace | null
  /** A new task even where an equal one is known. */
  readonly isForced: boolean
}

/** What is wrong with one field of an input. */
export interface InputIssue {
  /** Dotted, e.g. `pages.0.from`; empty for the whole. */
  readonly path: string
  readonly message: string
}

/** No capacity now: 503 over HTTP, 429 where the caller has reached its own limit. */
export interface Refusal {
  readonly kind: 'refused'
  readonly code: Extract<
    ErrorCode,
    'queue-full' | 'user-queue-full' | 'intake-paused' | 'draining' | 'journal-unavailable' | 'disk-full'
  >
  readonly retryAfterSeconds: number
  readonly waiting: number
  readonly capacity: number
}

/** `replayed`: by its key; `in_progress`, `exists`: by its content, live or completed. */
export type Duplicate = 'replayed' | 'in_progress' | 'exists'

export type SubmitReply =
  | { readonly kind: 'accepted'; readonly task: Task; readonly place: QueuePlace }
  | {
      readonly kind: 'duplicate'
      readonly how: Duplicate
      readonly task: Task
      /** Number of this submit among those of the task; null: it had ended already. */
      readonly waiter: number | null
      /** Fields of the submit that do not apply to the known task, by their names on the wire. */
      readonly ignored: readonly string[]
    }
  | { readonly kind: 'unknown-type'; readonly type: string }
  | {
      readonly kind: 'invalid'
      readonly code: Extract<ErrorCode, 'validation' | 'unsafe-url'>
      readonly issues: readonly InputIssue[]
    }
  /** The key was used with another request, or its task was erased. */
  | { readonly kind: 'idempotency-mismatch' | 'task-gone' }
  | Refusal

export type CancelReply =
  | { readonly kind: 'cancelled' | 'cancelling' | 'already-finished'; readonly task: Task }
  /** Other submits wait for the task: it continues for them. */
  | { readonly kind: 'detached'; readonly task: Task }
  | { readonly kind: 'unknown' | 'unknown-waiter' }
  /** It takes effect, and could not be written down yet. */
  | { readonly kind: 'unwritten'; readonly code: 'disk-full' | 'journal-unavailable' }
