import { settled } from './settle.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** Lets the clock go on from timer to timer until `isDone`, or until nothing is to come. */
export async function drive(clock: VirtualClock, isDone: () => boolean, turns = 30): Promise<void> {
  for (;;) {
    await settled(turns)
    if (isDone() || !clock.step()) return
  }
}

/** A log-normal deviate of this mean; `cv`: standard deviation ÷ mean. */
export function logNormal(random: () => number, mean: number, cv: number): number {
  const sigma2 = Math.log(1 + cv * cv)
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return mean * Math.exp(Math.sqrt(sigma2) * normal - sigma2 / 2)
}
