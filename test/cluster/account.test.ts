import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Account, type WaitingCall } from '../../src/cluster/resources/account.ts'
import { failure } from '../../src/task/failure.ts'
import type { Priority } from '../../src/task/priority.ts'
import type { ResourceLimits } from '../../src/task/resource.ts'

const toCall = (id: string, more: Partial<WaitingCall> & { readonly member?: number } = {}): WaitingCall => ({
  id,
  holder: { member: more.member ?? 1, taskId: id, run: 1 },
  priority: 1,
  ask: { weight: 1, tokens: 0 },
  projects: [''],
  ...more,
})

/** A row: each change restores the state, and saves it. */
function createRow(limits: ResourceLimits) {
  let text = ''
  const row = {
    now: 1_000_000,
    change: <Reply>(decide: (account: Account) => Reply): Reply => {
      const account = new Account(text, { limits, projects: [''], random: () => 0.5, now: row.now })
      const reply = decide(account)
      text = account.toText()
      return reply
    },
    ask: (call: WaitingCall) =>
      row.change((account) => {
        account.ask(call)
        return account.serve().map(({ id }) => id)
      }),
    end: (id: string) =>
      row.change((account) => {
        account.end(id, null, null)
        return account.serve().map(({ id: served }) => served)
      }),
  }
  return row
}

test('a change that is made twice, because its reply was lost, counts once', () => {
  const row = createRow({ concurrency: 2 })
  expect(row.ask(toCall('a'))).toEqual(['a'])
  expect(row.ask(toCall('a'))).toEqual([])
  expect(row.ask(toCall('b'))).toEqual(['b'])
  expect(row.ask(toCall('c'))).toEqual([])
  expect(row.end('a')).toEqual(['c'])
  expect(row.end('a')).toEqual([])
  expect(row.change(({ inFlight }) => inFlight)).toBe(2)
})

test('room goes to the highest priority, then to the oldest task', () => {
  const row = createRow({ concurrency: 1 })
  row.ask(toCall('0'))
  for (const [id, priority] of [
    ['4', 1],
    ['2', 3],
    ['3', 1],
    ['1', 0],
  ] as const)
    row.ask(toCall(id, { priority: priority as Priority }))
  expect(['0', '2', '3', '4'].flatMap(row.end)).toEqual(['2', '3', '4', '1'])
})

test('what a project has drawn grows old while only processes save it that do not know the project', () => {
  const of = (projects: readonly string[], now: number, text: string) =>
    new Account(text, { limits: { requestsPerMinute: 1 }, projects, random: () => 0.5, now })
  const first = of(['a'], 1_000_000, '')
  first.ask(toCall('1', { projects: ['a'] }))
  expect(first.serve().map(({ id }) => id)).toEqual(['1'])
  first.end('1', null, null)
  const waits = [30_000, 59_000, 61_000].map((ms) => {
    let text = first.toText()
    for (let at = 10_000; at < ms; at += 10_000) text = of(['b'], 1_000_000 + at, text).toText()
    return of(['a'], 1_000_000 + ms, text).waitFor({ weight: 1, tokens: 0 })
  })
  expect(waits).toEqual([30_000, 1000, 0])
})

test('a call that nobody waits for any more gets nothing', () => {
  const row = createRow({ concurrency: 1 })
  row.ask(toCall('a'))
  row.ask(toCall('b'))
  row.now += 6000
  expect(row.end('a')).toEqual([])
})

test('what a process held is free when it begins anew', () => {
  const row = createRow({ concurrency: 2 })
  for (const id of ['a', 'b']) row.ask(toCall(id, { member: 7 }))
  row.ask(toCall('c'))
  const served = row.change((account) => {
    account.releaseAllOf(7)
    return account.serve().map(({ id }) => id)
  })
  expect([served, row.change(({ inFlight }) => inFlight)]).toEqual([['c'], 1])
})

test('a clock that goes back makes no room', () => {
  const row = createRow({ requestsPerMinute: 1 })
  expect(row.ask(toCall('a'))).toEqual(['a'])
  row.now -= 3_600_000
  expect(row.ask(toCall('b'))).toEqual([])
  row.now += 3_600_000 + 60_000
  expect(row.ask(toCall('c'))).toEqual(['c'])
})

test('parked tasks are woken for as many calls of their size as there is room for', () => {
  const row = createRow({ tokensPerMinute: 1000 })
  row.ask(toCall('a', { ask: { weight: 1, tokens: 900 } }))
  row.ask(toCall('b', { ask: { weight: 1, tokens: 400 } }))
  row.change((account) => account.leave('b'))
  const options = { limits: { tokensPerMinute: 1000 }, projects: [''], random: () => 0.5 }
  const room = () =>
    row.change((account) => new Account(account.toText(), { ...options, now: row.now }).countRoom(32))
  expect(room()).toBe(0)
  row.now += 60_000
  expect(room()).toBe(2)
})

test('no order of calls, ends and restarts passes a limit, and all units come back', () => {
  const act = fc.record({
    kind: fc.constantFrom(
      'ask' as const,
      'ask' as const,
      'end' as const,
      'overload' as const,
      'restart' as const,
    ),
    id: fc.integer({ min: 0, max: 11 }),
    ms: fc.constantFrom(0, 1, 700, 20_000),
  })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const row = createRow({ concurrency: 3, requestsPerMinute: 9 })
      const drawnAt: number[] = []
      for (const { kind, id, ms } of acts) {
        row.now += ms
        row.change((account) => {
          const overload = failure('provider_rate_limited', 'too many')
          if (kind === 'ask') account.ask(toCall(`${id}`, { member: id % 3 }))
          else if (kind === 'end') account.end(`${id}`, null, 5)
          else if (kind === 'restart') account.releaseAllOf(id % 3)
          else account.end(`${id}`, { kind: 'park', limit: 'rate', failure: overload, afterMs: null }, null)
          for (const _ of account.serve()) drawnAt.push(row.now)
          expect(account.inFlight).toBe(account.held.size)
          expect(account.inFlight).toBeLessThanOrEqual(3)
        })
        expect(drawnAt.filter((at) => at > row.now - 60_000).length).toBeLessThanOrEqual(9)
      }
      row.change((account) => [0, 1, 2].forEach((member) => account.releaseAllOf(member)))
      expect(row.change(({ inFlight, waiting }) => [inFlight, waiting])).toEqual([0, 0])
    }),
  )
})
