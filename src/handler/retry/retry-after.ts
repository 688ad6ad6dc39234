/** No provider is believed further than this: a date of next year is a mistake of somebody's. */
export const MAX_AFTER_MS = 600_000

/**
 * Reads a Retry-After header (RFC 9110 §10.2.3), seconds or a date: ms from now, 10 minutes at the most; null for
 * what is neither.
 *
 * @param now epoch ms
 */
export function parseRetryAfter(value: string, now: number): number | null {
  const text = value.trim()
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(MAX_AFTER_MS, Number(text) * 1000)
  // A bare number, a negative one among them, is no date, whatever Date.parse makes of it.
  if (!/[a-z]{3}/i.test(text)) return null
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : Math.min(MAX_AFTER_MS, Math.max(0, at - now))
}
