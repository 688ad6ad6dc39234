import { expect, test } from 'vitest'
import { retryAfterSeconds } from '../../src/forecast/retry-after.ts'
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
  [
    'mean run time × tasks ahead ÷ slots',
    { meanRunMs: 10_000, tasksAhead: 30, slots: 3, random: () => 0.5 },
    100,
  ],
  ['jitter takes away up to 20 %', { meanRunMs: 10_000, tasksAhead: 30, slots: 3, random: () => 0 }, 80],
  ['jitter adds up to 20 %', { meanRunMs: 10_000, tasksAhead: 30, slots: 3, random: () => 1 }, 120],
  ['an empty queue is one task away', { meanRunMs: 9000, tasksAhead: 0, slots: 3, random: () => 0.5 }, 3],
  ['never below a second', { meanRunMs: 1, tasksAhead: 1, slots: 3, random: () => 0.5 }, 1],
  ['never above an hour', { meanRunMs: 3_600_000, tasksAhead: 100, slots: 1, random: () => 0.5 }, 3600],
  ['no slots count as one', { meanRunMs: 1000, tasksAhead: 10, slots: 0, random: () => 0.5 }, 10],
  [
    'half a minute is assumed before anything ran',
    { meanRunMs: null, tasksAhead: 3, slots: 3, random: () => 0.5 },
    30,
  ],
])('Retry-After: %s', (_name, input, seconds) => expect(retryAfterSeconds(input)).toBe(seconds))
