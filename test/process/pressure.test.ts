import { expect, test } from 'vitest'
import { Pressure } from '../../src/process/pressure.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function setup() {
  const clock = new VirtualClock()
  const changes: string[] = []
  let memory = 0
  const pressure = new Pressure({
    maxMemoryBytes: 1000,
    maxLoopDelayMs: 200,
    clock,
    memoryBytes: () => memory,
    changed: (shortage, isShort) => changes.push(`${shortage} ${isShort ? 'begins' : 'is over'}`),
  })
  const look = (bytes: number, delayMs = 0) => {
    memory = bytes
    pressure.look(delayMs)
  }
  return { clock, pressure, changes, look }
}

test('a shortage begins with the second reading in a row, and is over well below its bound', () => {
  const { look, changes } = setup()
  for (const bytes of [1000, 999, 1000]) look(bytes)
  expect(changes).toEqual([])
  look(1000)
  expect(changes).toEqual(['memory begins'])
  for (const bytes of [999, 850, 800]) look(bytes)
  expect(changes).toEqual(['memory begins'])
  look(799)
  expect(changes).toEqual(['memory begins', 'memory is over'])
})

test('each shortage is judged by itself, and memory that cannot be read is none', () => {
  const { look, changes } = setup()
  for (let count = 0; count < 2; count += 1) look(NaN, 200)
  expect(changes).toEqual(['event-loop begins'])
  for (let count = 0; count < 2; count += 1) look(2000, 0)
  expect(changes).toEqual(['event-loop begins', 'event-loop is over', 'memory begins'])
})

test('it looks twice a second until it is stopped', () => {
  const { pressure, look, changes, clock } = setup()
  look(1000)
  pressure.start()
  clock.advance(500)
  expect(changes).toEqual(['memory begins'])
  pressure.stop()
  expect(clock.pending).toBe(0)
})
