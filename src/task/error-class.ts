import type { Failure } from './failure.ts'

/**
 * What a provider's limit is about: calls at once, calls or tokens in a time, a quota of the day, its own load.
 */
export type LimitKind = 'concurrency' | 'rate' | 'quota' | 'overload'

/** What an error means for its task: decided once, from what was thrown. */
export type ErrorClass =
  /** Another attempt can help; not before `afterMs` have passed, where the provider sent a time. */
  | { readonly kind: 'retry'; readonly failure: Failure; readonly afterMs: number | null }
  /** Nothing is wrong with the task: it runs later, and no attempt is used up. */
  | {
      readonly kind: 'park'
      readonly limit: LimitKind
      readonly failure: Failure
      readonly afterMs: number | null
    }
  | { readonly kind: 'end'; readonly failure: Failure; readonly why: 'auth' | 'quota' | 'other' }
