import { capDelayMs } from './delay.ts'

/** No provider is believed further than this: a date of next year is a mistake of somebody's. */
export const MAX_AFTER_MS = 600_000

/**
 * Reads a Retry-After header (RFC 9110 §10.2.3), seconds or a date: ms from now, at most `maxMs`; null for what is
 * neither.
 *
 * @param now epoch ms
 */
export function parseRetryAfter(value: string, now: number, maxMs = MAX_AFTER_MS): number | null {
  const text = value.trim()
  if (/^\d+(\.\d+)?$/.test(text)) return capDelayMs(Number(text) * 1000, maxMs)
  // A bare number, a negative one among them, is no date, whatever Date.parse makes of it.
  return /[a-z]{3}/i.test(text) ? capDelayMs(Date.parse(text) - now, maxMs) : null
}
