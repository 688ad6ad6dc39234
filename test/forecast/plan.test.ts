import { expect, test } from 'vitest'
import { plan, smallestWorkers, type Question } from '../../src/forecast/plan/plan.ts'

const fixed = (mean: number, share = 1) => ({ share, service: { law: 'fixed' as const, mean } })
const ask = (given: Partial<Question>): Question => ({
  workers: 4,
  capacity: Infinity,
  headStart: 0,
  arriving: { pattern: 'burst', count: 10 },
  kinds: [fixed(163)],
  priorities: [0, 1, 0, 0],
  seed: 1,
  ...given,
})
/** Plans of 2, 30 and 70 pictures: 88 s on average. */
const MIXED = [fixed(30, 0.3), fixed(75, 0.4), fixed(163, 0.3)]

test('ten at once, four workers, 163 s: the last is done after 489 s, the mean wait is 130.4 s', () => {
  const result = plan(ask({}))
  expect([result.lastDone, result.waits.mean, result.verdict]).toEqual([489, 130.4, 'ends'])
})

test('five a minute for an hour: four workers end with about 210 waiting, and the last waits about 2.4 h', () => {
  const result = plan(ask({ arriving: { pattern: 'steady', perMinute: 5, duration: 3600 } }))
  expect(result.tasks).toBe(300)
  expect(result.queue.atEnd).toBeGreaterThan(205)
  expect(result.queue.atEnd).toBeLessThan(215)
  expect((result.lastWait ?? 0) / 3600).toBeCloseTo(2.4, 1)
  expect(result.verdict).toBe('unstable')
})

test.each([
  ['twenty users, each every 30 s, are 40 a minute: far too many', 40, 14.65, 'unstable'],
  ['2.7 a minute are on the edge', 2.7, 0.989, 'on the edge'],
  ['2 a minute are stable', 2, 0.7325, 'stable'],
])('mixed plans of 88 s on average, four workers: %s', (_name, perMinute, load, verdict) => {
  const result = plan(ask({ kinds: MIXED, arriving: { pattern: 'random', perMinute, duration: 36_000 } }))
  expect(result.meanRun).toBeCloseTo(87.9, 5)
  expect(result.load).toBeCloseTo(load, 2)
  expect(result.verdict).toBe(verdict)
})

test('random arrivals wait as in queueing theory: M/M/1 and M/M/2 at 80 %', () => {
  const exponential = [{ share: 1, service: { law: 'exponential' as const, mean: 60 } }]
  const arriving = { pattern: 'random' as const, duration: 3_600_000 }
  const one = plan(ask({ workers: 1, kinds: exponential, arriving: { ...arriving, perMinute: 0.8 } }))
  // ρ ÷ (1 − ρ) × service time.
  expect(Math.abs(one.waits.mean / 240 - 1)).toBeLessThan(0.1)
  const two = plan(ask({ workers: 2, kinds: exponential, arriving: { ...arriving, perMinute: 1.6 } }))
  // Erlang C for two servers at ρ = 0.8: 0.7111; ÷ (2 × (1 − ρ)).
  expect(Math.abs(two.waits.mean / ((0.7111 * 60) / 0.4) - 1)).toBeLessThan(0.1)
})

test('a full queue refuses, and its share is reported', () => {
  const result = plan(ask({ capacity: 2, arriving: { pattern: 'burst', count: 10 } }))
  expect([result.refused, result.waits.tasks, result.queue.longest]).toEqual([0.4, 6, 2])
})

test('urgent tasks wait less, and the smallest number of workers keeps its target', () => {
  const question = ask({
    priorities: [1, 1, 1, 1],
    kinds: MIXED,
    arriving: { pattern: 'random', perMinute: 2.5, duration: 36_000 },
  })
  const { byPriority } = plan(question)
  expect(byPriority.URGENT!.mean).toBeLessThan(byPriority.LOW!.mean)
  const workers = smallestWorkers(question, 30) ?? 0
  expect(plan({ ...question, workers }).waits.p90).toBeLessThanOrEqual(30)
  expect(plan({ ...question, workers: workers - 1 }).waits.p90).toBeGreaterThan(30)
  expect(smallestWorkers({ ...question, kinds: [fixed(1e6)] }, 1)).toBeNull()
})

test('with a head start LOW waits less and URGENT a little more', () => {
  const lognormal = [{ share: 1, service: { law: 'lognormal' as const, mean: 180, cv: 1 } }]
  const question = ask({
    workers: 3,
    kinds: lognormal,
    priorities: [1, 1, 1, 1],
    arriving: { pattern: 'random', perMinute: 0.9, duration: 2_000_000 },
  })
  const strict = plan(question).byPriority
  const fair = plan({ ...question, headStart: 1800 }).byPriority
  expect(fair.LOW!.p99).toBeLessThan(strict.LOW!.p99 * 0.7)
  // Within 20 % of strict.
  expect(fair.URGENT!.p99).toBeLessThan(strict.URGENT!.p99 * 1.2)
})
