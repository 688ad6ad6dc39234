import { expect, test } from 'vitest'
import { ProgressThrottle, OutputBudget } from '../../src/handler/context/throttle.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function setup() {
  const clock = new VirtualClock()
  const sent: number[] = []
  const throttle = new ProgressThrottle((report) => sent.push(report.progress), clock)
  const tell = (progress: number) => throttle.report(progress, null, null)
  return { clock, sent, throttle, tell }
}

test('the first progress is sent at once, then the latest every 250 ms', () => {
  const { clock, sent, tell } = setup()
  for (const progress of [1, 2, 3]) tell(progress)
  expect(sent).toEqual([1])
  clock.advance(250)
  expect(sent).toEqual([1, 3])
})

test('a million reports a second make four events', () => {
  const { clock, sent, tell } = setup()
  for (let index = 0; index < 1_000_000; index += 1) {
    tell(index / 10_000)
    if (index % 1000 === 999) clock.advance(1)
  }
  expect(sent.length).toBeLessThanOrEqual(5)
})

test('progress never falls and stays within 0 to 100', () => {
  const { clock, sent, tell } = setup()
  for (const progress of [-5, NaN, 40, 20, 1e9, Infinity]) {
    tell(progress)
    clock.advance(250)
  }
  expect(sent).toEqual([0, 0, 40, 40, 100, 100])
})

test('closing sends what was held back and leaves no timer', () => {
  const { clock, sent, tell, throttle } = setup()
  tell(1)
  tell(99)
  throttle.close()
  expect([sent, clock.pending]).toEqual([[1, 99], 0])
})

test('a budget refills every second, and what is over is counted', () => {
  const clock = new VirtualClock()
  const budget = new OutputBudget({ perSecond: 3, inAll: 5 }, clock)
  const spend = (times: number) => Array.from({ length: times }, () => budget.spend(1)).filter(Boolean).length
  expect(spend(10)).toBe(3)
  clock.advance(1000)
  expect(spend(10)).toBe(2)
  expect(budget.refused).toBe(15)
})
