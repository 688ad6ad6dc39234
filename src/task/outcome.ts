import type { Failure } from './failure.ts'

/** The fields of a result that its terminal event repeats; null where the result has none of that name. */
export interface Headline {
  readonly title: string | null
  readonly summary: string | null
  readonly filename: string | null
  readonly hash: string | null
}

/** How one run ended: a closed set, decided once per run. */
export type Outcome =
  /** `result` is JSON text: it was checked and frozen when the handler returned. */
  | { readonly kind: 'completed'; readonly result: string; readonly headline: Headline }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'timeout'; readonly limitMs: number }
  | { readonly kind: 'cancelled' }
  /** The server stops: back to the queue, same attempt. */
  | { readonly kind: 'interrupted' }
