import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { PriorityQueue, type RoomOptions } from '../../src/pool/order/priority-queue.ts'
import type { Ticket } from '../../src/task/ticket.ts'
import type { Priority } from '../../src/task/priority.ts'
import { poolDefaults } from '../support/pool.ts'
import { sampleTicket } from '../support/tasks.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

function setup(given: Partial<RoomOptions> = {}) {
  const room = new PriorityQueue({ ...poolDefaults(), ...given })
  const putTicket = (ticket: Ticket) => room.put(ticket, room.arrive())
  const put = (id: string, priority: Priority = 1, type = 'sample') =>
    putTicket(sampleTicket({ id, priority, type }))
  const takeAll = () => {
    const ids: string[] = []
    for (let taken = room.take(); taken !== undefined; taken = room.take()) ids.push(taken.ticket.id)
    return ids
  }
  return { room, put, putTicket, takeAll }
}

test('a higher level goes first, and a level is first in, first out', () => {
  const { put, takeAll } = setup()
  put('low', 0)
  put('normal 1')
  put('urgent', 3)
  put('normal 2', 1, 'other type')
  put('high', 2)
  put('normal 3')
  expect(takeAll()).toEqual(['urgent', 'high', 'normal 1', 'normal 2', 'normal 3', 'low'])
})

test('a type whose resource has no room is passed over and keeps its place', () => {
  const { room, put, takeAll } = setup({ resourcesOf: (type) => (type === 'a' ? ['llm'] : []) })
  put('a1', 2, 'a')
  put('b1', 1, 'b')
  put('a2', 1, 'a')
  room.gates.setResource('llm', false)
  expect(room.eligible).toBe(1)
  expect(takeAll()).toEqual(['b1'])
  put('a3', 1, 'a')
  room.gates.setResource('llm', true)
  expect(takeAll()).toEqual(['a1', 'a2', 'a3'])
})

test('a task that returns goes in front of later arrivals of its level, and not before earlier ones', () => {
  const { room, put, takeAll } = setup()
  put('first')
  put('second')
  put('third')
  const first = room.take()
  const second = room.take()
  room.put(second!.ticket, second!.seq)
  room.put(first!.ticket, first!.seq)
  put('fourth')
  expect(takeAll()).toEqual(['first', 'second', 'third', 'fourth'])
})

test('removing takes a task out from anywhere and counts stay true', () => {
  const { room, put, takeAll } = setup()
  for (const id of ['a', 'b', 'c', 'd']) put(id)
  expect(room.remove('b')?.id).toBe('b')
  expect(room.remove('d')?.id).toBe('d')
  expect(room.remove('d')).toBeUndefined()
  put('e')
  expect([room.size, room.countOf(1), room.eligible]).toEqual([3, 3, 3])
  expect(takeAll()).toEqual(['a', 'c', 'e'])
})

test('tasks ahead are those that would start before', () => {
  const { room, put } = setup()
  put('low', 0)
  put('normal 1', 1, 'a')
  put('normal 2', 1, 'b')
  put('urgent', 3)
  expect(['urgent', 'normal 1', 'normal 2', 'low'].map((id) => room.tasksAhead(id))).toEqual([0, 1, 2, 3])
  expect(room.tasksAhead('unknown')).toBeUndefined()
  expect([...room.inOrder()].map((task) => task.id)).toEqual(['urgent', 'normal 1', 'normal 2', 'low'])
})

test('a task that is moved to another level keeps its age there', () => {
  const { room, put, takeAll } = setup()
  put('old', 0)
  put('normal')
  expect(room.reprioritise('old', 1)).toBe(true)
  expect(room.reprioritise('gone', 1)).toBe(false)
  expect(takeAll()).toEqual(['old', 'normal'])
})

test('with a head start a level goes first only by so much age', () => {
  const { putTicket, takeAll } = setup({ headStartMs: 60_000 })
  putTicket(sampleTicket({ id: 'low at 0', priority: 0, createdAt: 0 }))
  putTicket(sampleTicket({ id: 'urgent at 179', priority: 3, createdAt: 179_000 }))
  putTicket(sampleTicket({ id: 'urgent at 181', priority: 3, createdAt: 181_000 }))
  expect(takeAll()).toEqual(['urgent at 179', 'low at 0', 'urgent at 181'])
})

test('callers take turns inside a level, by their weight', () => {
  const weights: Record<string, number> = { heavy: 2 }
  const { putTicket, takeAll } = setup({ weightOf: (caller) => weights[caller] ?? 1 })
  for (const caller of ['hog', 'heavy', 'light']) {
    for (let count = 1; count <= 4; count += 1) putTicket(sampleTicket({ id: `${caller} ${count}`, caller }))
  }
  putTicket(sampleTicket({ id: 'urgent', caller: 'hog', priority: 3 }))
  const order = takeAll()
  expect(order[0]).toBe('urgent')
  const startsOf = (caller: string) => order.slice(1, 9).filter((id) => id.startsWith(caller)).length
  expect([startsOf('hog'), startsOf('heavy'), startsOf('light')]).toEqual([2, 4, 2])
  expect(order.filter((id) => id.startsWith('hog'))).toEqual(['hog 1', 'hog 2', 'hog 3', 'hog 4'])
})

test('who comes anew into a long queue of another has its turn next', () => {
  const { room, putTicket } = setup({ weightOf: () => 1 })
  for (let count = 1; count <= 1000; count += 1)
    putTicket(sampleTicket({ id: `hog ${count}`, caller: 'hog' }))
  for (let taken = 0; taken < 10; taken += 1) room.take()
  expect(room.aheadOfNewcomer(1, 'light')).toBeLessThanOrEqual(1)
  putTicket(sampleTicket({ id: 'light', caller: 'light' }))
  expect(room.tasksAhead('light')).toBe(0)
  expect(room.take()?.ticket.id).toBe('light')
})

test('in every order the positions that are given are those of the walk, and the walk is what is taken', () => {
  const priority = fc.constantFrom<Priority>(0, 1, 2, 3)
  const arrival = fc.record({ priority, caller: fc.constantFrom('a', 'b', 'c'), gap: fc.nat(90_000) })
  const order = fc.record({ headStartMs: fc.constantFrom(0, 60_000), isFair: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(arrival, { maxLength: 30 }),
      order,
      fc.nat(10),
      (arrivals, { headStartMs, isFair }, start) => {
        const weightOf = isFair ? (caller: string) => (caller === 'a' ? 3 : 1) : null
        const { room, putTicket, takeAll } = setup({ headStartMs, weightOf })
        let createdAt = 0
        for (const { gap, ...given } of arrivals)
          putTicket(sampleTicket({ ...given, createdAt: (createdAt += gap) }))
        for (let taken = 0; taken < start; taken += 1) room.take()
        const walk = [...room.inOrder()].map(({ id }) => id)
        expect(walk.map((id) => room.tasksAhead(id))).toEqual(walk.map((_, index) => index))
        expect(takeAll()).toEqual(walk)
      },
    ),
  )
})

test('with turns a newcomer is shown as many tasks as then stand before it', () => {
  const { room, putTicket } = setup({ weightOf: (caller) => (caller === 'heavy' ? 2 : 1) })
  for (const caller of ['heavy', 'light', 'other']) {
    for (let count = 1; count <= 3; count += 1) putTicket(sampleTicket({ id: `${caller} ${count}`, caller }))
  }
  for (const caller of ['new', 'light']) {
    const estimate = room.aheadOfNewcomer(1, caller)
    putTicket(sampleTicket({ id: `newest of ${caller}`, caller }))
    expect(estimate).toBe(room.tasksAhead(`newest of ${caller}`))
  }
})

test('a task that is put before all levels stays there when its level is changed', () => {
  const { room, put, takeAll } = setup()
  put('urgent', 3)
  room.putFirst(sampleTicket({ id: 'ran before', priority: 0 }), room.arrive())
  expect(room.reprioritise('ran before', 1)).toBe(true)
  expect(takeAll()).toEqual(['ran before', 'urgent'])
})

/** A room with this many waiting tasks, of as many callers in turn, put at rising times. */
function crowd(given: Partial<RoomOptions>, count: number, callers: number) {
  const { room, putTicket } = setup(given)
  for (let at = 0; at < count; at += 1) {
    const priority = (at % 4) as Priority
    putTicket(sampleTicket({ id: `t${at}`, caller: `c${at % callers}`, priority, createdAt: at }))
  }
  const stepsFor = (what: () => unknown) => {
    const before = room.work.steps
    what()
    return room.work.steps - before
  }
  return { room, stepsFor }
}

test.each([
  ['strict levels', 100_000, 100, { headStartMs: 0 }],
  ['a head start', 100_000, 100, { headStartMs: 60_000 }],
  ['turns of few callers', 100_000, 100, { weightOf: () => 1 }],
  ['turns of as many callers as tasks', 10_000, 10_000, { weightOf: () => 1 }],
])('with %s a position and a newcomer cost no walk over the queue', (_name, count, callers, given) => {
  const { room, stepsFor } = crowd(given, count, callers)
  const last = `t${count - 4}`
  // The first question of a second may go through the first places.
  const firstSteps = stepsFor(() => room.tasksAhead(last))
  const bound = 4 * (count / 512 + 512)
  expect(firstSteps).toBeLessThan(bound + 3 * callers + 1000)
  for (const id of [last, 't0', `t${count / 2}`]) {
    expect(stepsFor(() => room.tasksAhead(id))).toBeLessThan(bound)
  }
  const hundred = () => Array.from({ length: 100 }, (_, at) => room.tasksAhead(`t${count - 1 - at}`))
  expect(stepsFor(hundred)).toBeLessThan(100 * bound)
  expect(stepsFor(() => room.aheadOfNewcomer(1, 'c7'))).toBeLessThan(bound + callers)
})

test('with turns the first 1000 places are those of the walk, and those further back are near them', () => {
  const { room } = crowd({ weightOf: (caller) => (caller === 'c3' ? 3 : 1) }, 6000, 70)
  const walk = [...room.inOrder()].map(({ id }) => id)
  const places = walk.map((id) => room.tasksAhead(id) ?? -1)
  expect(places.slice(0, 1000)).toEqual(walk.slice(0, 1000).map((_, at) => at))
  const errors = places.slice(1000).map((place, at) => Math.abs(place - at - 1000))
  expect(Math.max(...errors)).toBeLessThanOrEqual(70)
  expect([room.isEstimate(999), room.isEstimate(1000)]).toEqual([false, true])
})

test('a long queue with turns is gone through once a second, however often it changes', () => {
  const clock = new VirtualClock()
  const { room, stepsFor } = crowd({ weightOf: () => 1, clock }, 5000, 1000)
  room.tasksAhead('t4999')
  const changeAndAsk = () => {
    room.take()
    room.tasksAhead('t4000')
  }
  expect(stepsFor(changeAndAsk)).toBeLessThan(600)
  clock.advance(1000)
  expect(stepsFor(changeAndAsk)).toBeGreaterThan(900)
})
