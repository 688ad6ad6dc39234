import type { Priority } from './priority.ts'
import type { ErrorClass } from './error-class.ts'

/** What one call draws from a resource. */
export interface Cost {
  /** Units of concurrency, 1 or more. */
  readonly weight: number
  /** Tokens as far as they are known before. */
  readonly tokens: number
}

/** Who draws. */
export interface AcquireRequest {
  readonly taskId: string
  readonly priority: Priority
  readonly ask: Cost
  readonly signal: AbortSignal
}

/** What a task has drawn, until it is given back. */
export interface Lease {
  readonly kind: 'lease'
  /** The secret to call with; null where none is needed. */
  readonly key: string | null
  /** The call has used this many tokens. */
  readonly used: (tokens: number) => void
  /**
   * Releases it; the error class is how the call failed, null that it did not. Returns whether the resource
   * will wake the task.
   */
  readonly end: (verdict: ErrorClass | null) => boolean
}

export type AcquireReply =
  | Lease
  /** No room: the task is parked until it is woken; the time is when that may be, epoch ms, where it is known. */
  | { readonly kind: 'busy'; readonly until: number | null }
  /** It can never be granted. */
  | { readonly kind: 'refused'; readonly why: 'no-key' | 'too-large' }

/** What may be drawn from a resource. Absent: no such limit. */
export interface ResourceLimits {
  /** Units at once: a number, or a range inside which the limit is found by trying. */
  readonly concurrency?: number | { readonly floor: number; readonly ceiling: number }
  readonly requestsPerMinute?: number
  readonly requestsPerDay?: number
  readonly tokensPerMinute?: number
  /**
   * Whether an overload that one call meets holds the others back. Default: true; false where the calls go to
   * different places, as downloads do.
   */
  readonly isOneProvider?: boolean
}
