import { expect, test } from 'vitest'
import { createSteadyClock, ProvenTime } from '../../src/time/proven-time.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const DAY_MS = 24 * 3_600_000
const MINUTE_MS = 60_000

function setup(text?: string) {
  const clock = new VirtualClock()
  const jumps: number[] = []
  const kept: string[] = []
  const keep = (saved: string) => Promise.resolve(void kept.push(saved))
  const time = new ProvenTime({ clock, onJump: (byMs) => jumps.push(Math.round(byMs)), keep })
  time.resume(text)
  /** Moves minute by minute, as the retention looks at it. */
  const pass = (minutes: number) => {
    for (let minute = 0; minute < minutes; minute += 1) {
      clock.advance(MINUTE_MS)
      time.now()
    }
  }
  return { clock, time, jumps, kept, pass }
}

test('a clock that jumps 40 days ahead for two minutes moves nothing, and is reported once', () => {
  const { clock, time, jumps, pass } = setup()
  const before = time.now()
  clock.setWall(clock.now() + 40 * DAY_MS)
  pass(2)
  expect([time.now() - before, jumps]).toEqual([2 * MINUTE_MS, [40 * DAY_MS + MINUTE_MS - MINUTE_MS]])
  clock.setWall(clock.now() - 40 * DAY_MS)
  pass(1)
  expect(time.now()).toBe(clock.now())
  // What ended in this process is not older than the process.
  expect(time.cutoff(30 * DAY_MS)).toBe(clock.now() - 30 * DAY_MS)
})

test('a clock that stays where it has jumped to is believed after an hour', () => {
  const { clock, time, pass } = setup()
  clock.setWall(clock.now() + 40 * DAY_MS)
  pass(59)
  expect(clock.now() - time.now()).toBe(40 * DAY_MS)
  pass(3)
  expect(time.now()).toBe(clock.now())
})

test('what ended in a process that has run for a minute has not been kept for 30 days, whatever the clock shows', () => {
  const { clock, time, pass } = setup()
  clock.setWall(0)
  const { time: booted, clock: bootClock, pass: passBoot } = setup()
  const startedAt = bootClock.now()
  bootClock.setWall(bootClock.now() + 20_000 * DAY_MS)
  passBoot(70)
  expect(booted.now()).toBe(bootClock.now())
  expect(booted.cutoff(30 * DAY_MS)).toBe(startedAt)
  pass(1)
  expect(time.now()).toBeGreaterThan(clock.now())
})

test('a start does not trust a clock that is far from, or behind, what the process before has kept', () => {
  const kept = Date.parse('2026-01-01T00:00:00Z')
  const soon = setup(`${kept - 10 * MINUTE_MS}`)
  expect(soon.time.now()).toBe(soon.clock.now())
  const later = setup(`${kept - 40 * DAY_MS}`)
  expect(later.time.now()).toBe(kept - 40 * DAY_MS)
  later.pass(62)
  expect(later.time.now()).toBe(later.clock.now())
  const behind = setup(`${kept + 40 * DAY_MS}`)
  expect(behind.time.now()).toBe(kept + 40 * DAY_MS)
})

test('instants never go back: a clock that is set to 1970 continues from where it was', () => {
  const { clock, time } = setup()
  const steady = createSteadyClock(clock, time)
  const before = steady.now()
  clock.setWall(0)
  clock.advance(5000)
  expect(steady.now()).toBe(before + 5000)
})

test('the time is kept for the next process', async () => {
  const { time, kept, clock } = setup()
  await time.save()
  expect(kept).toEqual([`${clock.now()}`])
})
