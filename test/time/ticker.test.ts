import { expect, test } from 'vitest'
import { Ticker } from '../../src/time/ticker.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function setup() {
  const clock = new VirtualClock()
  const runs: number[] = []
  const ticker = new Ticker(clock, 1000, () => {
    runs.push(clock.monotonic())
    if (runs.length === 3) ticker.stop()
  })
  return { clock, runs, ticker, startedAt: clock.monotonic() }
}

test('it runs at the same distance, once however often it is started, and not after its stop', () => {
  const { clock, runs, ticker, startedAt } = setup()
  ticker.start()
  ticker.start()
  clock.advance(2000)
  expect(runs.map((at) => at - startedAt)).toEqual([1000, 2000])
  // The third one stops it.
  clock.advance(5000)
  expect(runs).toHaveLength(3)
  ticker.start()
  clock.advance(1000)
  ticker.stop()
  clock.advance(5000)
  expect(runs).toHaveLength(4)
})
