/** How long runs take, s: always the same, spread as log-normal or exponential around a mean, or as they were. */
export type Service =
  | { readonly law: 'fixed'; readonly mean: number }
  /** `cv`: standard deviation ÷ mean. */
  | { readonly law: 'lognormal'; readonly mean: number; readonly cv: number }
  | { readonly law: 'exponential'; readonly mean: number }
  | { readonly law: 'samples'; readonly values: readonly number[] }

/** Mean run time, s. */
export function computeMean(service: Service): number {
  if (service.law !== 'samples') return service.mean
  return service.values.reduce((sum, value) => sum + value, 0) / Math.max(1, service.values.length)
}

/** One run time, s. @param random 0 to 1 */
export function drawService(service: Service, random: () => number): number {
  switch (service.law) {
    case 'fixed':
      return service.mean
    case 'exponential':
      return -service.mean * Math.log(1 - random())
    case 'lognormal': {
      const sigma2 = Math.log(1 + service.cv ** 2)
      return service.mean * Math.exp(Math.sqrt(sigma2) * normal(random) - sigma2 / 2)
    }
    case 'samples':
      return service.values[Math.floor(random() * service.values.length)] ?? 0
  }
}

/** A standard normal deviate (Box, Muller 1958). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32, T. Ettinger 2017, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
