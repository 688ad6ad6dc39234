import type { z } from 'zod'
import type { ErrorCode } from '../task/errors.ts'
import type { QueuePlace } from '../task/event.ts'
import type { Priority } from '../task/priority.ts'
import type { Task, Upload } from '../task/task.ts'

export interface Submission {
  readonly type: string
  readonly input: unknown
  readonly upload: Upload | null
  readonly priority: Priority
  readonly metadata: Readonly<Record<string, unknown>> | null
  readonly caller: string
}

/** What is wrong with one field of an input. */
export interface InputIssue {
  /** Dotted, e.g. `pages.0.from`; empty for the whole. */
  readonly path: string
  readonly message: string
}

/** No place now: 503 at the edge. */
export interface Refusal {
  readonly kind: 'refused'
  readonly code: Extract<ErrorCode, 'queue-full' | 'draining' | 'journal-unavailable'>
  readonly retryAfterSeconds: number
  readonly waiting: number
  readonly capacity: number
}

export type SubmitReply =
  | { readonly kind: 'accepted'; readonly task: Task; readonly place: QueuePlace }
  | { readonly kind: 'unknown-type'; readonly type: string }
  | {
      readonly kind: 'invalid'
      readonly code: Extract<ErrorCode, 'validation' | 'unsafe-url'>
      readonly issues: readonly InputIssue[]
    }
  | Refusal

export type CancelReply =
  | { readonly kind: 'cancelled' | 'cancelling' | 'already-finished'; readonly task: Task }
  | { readonly kind: 'unknown' }

/** A refinement marks an address that must not be fetched with `params: { code: UNSAFE_URL }`. */
const UNSAFE_URL = 'unsafe-url'

/** Says what is wrong with an input, field by field, without repeating its values. */
export function issuesOf(error: z.ZodError): {
  readonly code: 'validation' | typeof UNSAFE_URL
  readonly issues: readonly InputIssue[]
} {
  const issues = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  const isUnsafe = error.issues.some(
    (issue) => issue.code === 'custom' && issue.params?.['code'] === UNSAFE_URL,
  )
  return { code: isUnsafe ? UNSAFE_URL : 'validation', issues }
}
