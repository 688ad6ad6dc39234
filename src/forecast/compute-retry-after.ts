/** Run time that is assumed before anything has run. */
const ASSUMED_RUN_MS = 30_000
const MIN_SECONDS = 1
const MAX_SECONDS = 3600
/** Spreads returning clients over ±20 %, so that they do not come back together. */
const JITTER = 0.2

/**
 * When it makes sense to try again, in whole seconds, 1 to 3600.
 *
 * @param placeMs predicted time to a free place, ms; null: nothing is known, and a run of 30 s is assumed
 * @param random 0 to 1
 */
export function retryAfterSeconds(placeMs: number | null, slots: number, random: () => number): number {
  const waitMs = placeMs ?? ASSUMED_RUN_MS / Math.max(1, slots)
  const jittered = (waitMs / 1000) * (1 + JITTER * (2 * random() - 1))
  return Math.min(MAX_SECONDS, Math.max(MIN_SECONDS, Math.round(jittered)))
}
