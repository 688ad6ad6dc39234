import type { Clock } from './clock.ts'

/** What a promise settles with, or undefined when that takes longer than `ms`; its rejection is passed on. */
export async function settledWithin<Value>(
  promise: Promise<Value>,
  ms: number,
  clock: Pick<Clock, 'after'>,
): Promise<Value | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const clear = clock.after(ms, () => resolve(undefined))
  try {
    return await Promise.race([promise, late])
  } finally {
    clear()
  }
}
