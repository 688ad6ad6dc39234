const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** Waits before each further try, about a day in all. */
const WAITS_MS = [5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 8 * HOUR, 8 * HOUR]
/** Spreads tries that failed together over ±20 %. */
const JITTER = 0.2

/** How long to wait after this many failed tries, ms; null: no more. @param random 0 to 1 */
export function waitAfter(attempts: number, random: number): number | null {
  const wait = WAITS_MS[attempts - 1]
  return wait === undefined ? null : Math.round(wait * (1 + JITTER * (2 * random - 1)))
}
