import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Alarms, type Alarm } from '../../src/pool/timers.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const act = fc.oneof(
  fc.record({ kind: fc.constant('after' as const), ms: fc.integer({ min: 0, max: 50 }) }),
  fc.record({ kind: fc.constant('cancel' as const), nth: fc.nat() }),
  fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 20 }) }),
)

test('each alarm rings once, when its time has come and in the order of the times, unless it was cancelled', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const clock = new VirtualClock()
      const alarms = new Alarms(clock)
      const set: Alarm[] = []
      const due = new Map<number, number>()
      const rung: number[] = []
      for (const each of acts) {
        if (each.kind === 'after') {
          const number = set.length
          due.set(number, clock.monotonic() + each.ms)
          set.push(alarms.after(each.ms, () => rung.push(number)))
        } else if (each.kind === 'cancel' && set.length > 0) {
          const number = each.nth % set.length
          alarms.cancel(set[number] as Alarm)
          if (!rung.includes(number)) due.delete(number)
        } else if (each.kind === 'advance') clock.advance(each.ms)
        const now = clock.monotonic()
        const expected = [...due].filter(([number, at]) => at < now || rung.includes(number))
        expect(rung).toEqual(expect.arrayContaining(expected.map(([number]) => number)))
        expect(new Set(rung).size).toBe(rung.length)
        for (const number of rung) expect(due.get(number)).toBeLessThanOrEqual(now)
      }
      const times = rung.map((number) => due.get(number) as number)
      expect(times).toEqual([...times].sort((a, b) => a - b))
    }),
    { numRuns: 500 },
  )
})

test('an alarm with an id replaces the one before it, and can be cleared by it', () => {
  const clock = new VirtualClock()
  const alarms = new Alarms(clock)
  const rung: string[] = []
  alarms.set('a', clock.now() + 10, () => rung.push('old'))
  alarms.set('a', clock.now() + 20, () => rung.push('new'))
  alarms.set('b', clock.now() + 5, () => rung.push('b'))
  alarms.clear('b')
  clock.advance(15)
  expect(rung).toEqual([])
  clock.advance(5)
  expect(rung).toEqual(['new'])
})

test('ten thousand cancelled alarms do not keep a later one from ringing, and arm no timer each', () => {
  const clock = new VirtualClock()
  let timers = 0
  const counting = Object.assign(Object.create(clock) as VirtualClock, {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (ms: number, ring: () => void) => {
      timers += 1
      return clock.after(ms, ring)
    },
  })
  const alarms = new Alarms(counting)
  let hasRung = false
  alarms.after(1000, () => (hasRung = true))
  for (let count = 0; count < 10_000; count += 1) alarms.cancel(alarms.after(60_000, () => undefined))
  clock.advance(1000)
  expect([hasRung, timers < 10]).toEqual([true, true])
})

test('an alarm that is over refers to nothing, however long it stays in the heap', () => {
  const clock = new VirtualClock()
  const alarms = new Alarms(clock)
  let rung = 0
  const cancelled = alarms.after(60_000, () => (rung += 1))
  const due = alarms.after(10, () => (rung += 1))
  alarms.cancel(cancelled)
  clock.advance(10)
  // The run that an alarm is to end has its result, of up to 10 MB.
  expect([rung, cancelled.ring, due.ring]).toEqual([1, null, null])
})
