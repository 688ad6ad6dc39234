import { expect, test } from 'vitest'
import { createStarvationClock } from '../../src/process/machine-load.ts'

/** A clock over a machine whose time and pressure the test sets. */
function setup() {
  const machine = { at: 0, waitedUs: 1_000_000, reads: 0 }
  const read = createStarvationClock(
    () => {
      machine.reads += 1
      return machine.waitedUs
    },
    () => machine.at,
  )
  /** Lets time pass of which programs wait for this share. */
  const pass = (ms: number, share: number) => {
    machine.at += ms
    machine.waitedUs += ms * 1000 * share
  }
  return { machine, read, pass }
}

test('time in which programs wait for a processor most of the time counts, other time does not', () => {
  const { read, pass } = setup()
  expect(read()).toBe(0)
  pass(1000, 0.9)
  expect(read()).toBe(1000)
  pass(5000, 0.2)
  expect(read()).toBe(1000)
  pass(500, 0.6)
  expect(read()).toBe(1500)
})

test('many readers cost one look at the machine', () => {
  const { machine, read, pass } = setup()
  for (let count = 0; count < 100; count += 1) read()
  expect(machine.reads).toBe(1)
  pass(1000, 1)
  for (let count = 0; count < 100; count += 1) expect(read()).toBe(1000)
  expect(machine.reads).toBe(2)
})

test('a system that does not know its pressure has none', () => {
  const { machine, read, pass } = setup()
  read()
  machine.waitedUs = NaN
  pass(1000, 1)
  expect(read()).toBe(0)
})
