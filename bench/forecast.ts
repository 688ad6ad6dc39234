import { simulate, type SimulatedQueue } from '../src/forecast/simulation/simulate.ts'
import { median } from './support.ts'

const ROUNDS = 15
/** As the wait estimator asks with this many waiting. */
const PLAYS = 30

/** One forecast with this many waiting tasks, log-normal run times, and arrivals of every level: ms. */
export function forecastMs(waiting: number): number {
  const samples = Float64Array.from({ length: 512 }, () => 60_000 * Math.exp(Math.random() * 2)).sort()
  const queue: SimulatedQueue = {
    slots: 3,
    types: [{ samples, concurrency: Infinity }],
    running: [0, 1, 2].map(() => ({ type: 0, elapsedMs: 30_000 })),
    waiting: Array.from({ length: waiting }, (_, index) => ({
      type: 0,
      priority: (3 - Math.floor((index / waiting) * 4)) as 0 | 1 | 2 | 3,
      at: -index,
    })),
    arrivals: [0, 1, 2, 3].map(() => ({ count: 40, overMs: 36_000_000, types: [0] })),
    headStartMs: 0,
  }
  const times = Array.from({ length: ROUNDS }, () => {
    const startedAt = performance.now()
    simulate(queue, { rounds: PLAYS, random: Math.random })
    return performance.now() - startedAt
  })
  return median(times.slice(5))
}
