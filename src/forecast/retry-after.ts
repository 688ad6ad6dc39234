/** Run time that is assumed before anything has run. */
const ASSUMED_RUN_MS = 30_000
const MIN_SECONDS = 1
const MAX_SECONDS = 3600
/** Spreads returning clients over ±20 %, so that they do not come back together. */
const JITTER = 0.2

export interface RetryAfterInput {
  /** Mean run time, ms; null before the first task ended. */
  readonly meanRunMs: number | null
  /** Tasks that would start before the refused one. */
  readonly tasksAhead: number
  readonly slots: number
  /** 0 to 1. */
  readonly random: () => number
}

/** When it makes sense to try again, in whole seconds, 1 to 3600: mean run time × tasks ahead ÷ slots. */
export function retryAfterSeconds({ meanRunMs, tasksAhead, slots, random }: RetryAfterInput): number {
  const waitMs = ((meanRunMs ?? ASSUMED_RUN_MS) * Math.max(1, tasksAhead)) / Math.max(1, slots)
  const jittered = (waitMs / 1000) * (1 + JITTER * (2 * random() - 1))
  return Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, Math.round(jittered)))
}
