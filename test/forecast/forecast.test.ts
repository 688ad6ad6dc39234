import { expect, test } from 'vitest'
import { retryAfterSeconds } from '../../src/forecast/compute-retry-after.ts'
import { Samples } from '../../src/forecast/samples.ts'

test('quantiles are null below five samples, never a guess', () => {
  const samples = new Samples(10)
  for (const ms of [4, 1, 3, 2]) samples.add(ms)
  expect(samples.quantiles()).toBeNull()
  samples.add(5)
  expect([samples.quantiles(), samples.mean]).toEqual([{ p50: 3, p90: 5 }, 3])
})

test('only the newest samples count', () => {
  const samples = new Samples(5)
  for (let ms = 1; ms <= 10; ms += 1) samples.add(ms)
  expect([samples.size, samples.mean]).toEqual([5, 8])
})

test.each([
  ['the predicted time to a free place', 100_000, 0.5, 100],
  ['jitter takes away up to 20 %', 100_000, 0, 80],
  ['jitter adds up to 20 %', 100_000, 1, 120],
  ['never below a second', 1, 0.5, 1],
  ['never above an hour', 1e9, 0.5, 3600],
  ['a run of half a minute in one of three slots, where nothing is known', null, 0.5, 10],
] as const)('Retry-After: %s', (_name, placeMs, random, seconds) =>
  expect(retryAfterSeconds(placeMs, 3, () => random)).toBe(seconds),
)
