/** No delay that somebody else names is longer: what is further away is a mistake. */
const MAX_DELAY_MS = 24 * 3600 * 1000

/** A delay as it may be used, stored and shown: finite and from 0 to `maxMs`; null for one that is no number. */
export function capDelayMs(ms: number, maxMs = MAX_DELAY_MS): number | null {
  return Number.isNaN(ms) ? null : Math.min(maxMs, Math.max(0, ms))
}
