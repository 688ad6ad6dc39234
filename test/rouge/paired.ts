/** Whether a mean difference is more than chance: the paired bootstrap (Koehn, 2004). */

const SAMPLES = 1000
const TAIL = 0.025

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The bounds between which 95 % of the means of random samples lie; the same ones every time. */
export function confidence(differences: readonly number[]): [number, number] {
  const random = createRandom()
  const means = Array.from({ length: SAMPLES }, () =>
    mean(differences.map(() => differences[Math.floor(random() * differences.length)] ?? 0)),
  ).sort((a, b) => a - b)
  return [means[SAMPLES * TAIL] ?? 0, means[SAMPLES * (1 - TAIL) - 1] ?? 0]
}

/** A linear congruential generator (Numerical Recipes), from 0 up to 1. */
function createRandom(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
