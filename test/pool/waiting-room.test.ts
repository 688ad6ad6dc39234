import { expect, test } from 'vitest'
import { WaitingRoom } from '../../src/pool/waiting-room.ts'
import type { Priority } from '../../src/task/priority.ts'
import { sampleTask } from '../support/tasks.ts'

function setup() {
  const room = new WaitingRoom()
  const put = (id: string, priority: Priority = 1, type = 'sample') =>
    room.enqueue(sampleTask({ id, priority, type }))
  const takeAll = () => {
    const ids: string[] = []
    for (let taken = room.take(); taken !== undefined; taken = room.take()) ids.push(taken.task.id)
    return ids
  }
  return { room, put, takeAll }
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

test('a closed type is passed over and keeps its place', () => {
  const { room, put, takeAll } = setup()
  put('a1', 2, 'a')
  put('b1', 1, 'b')
  put('a2', 1, 'a')
  room.setOpen('a', false)
  expect(room.eligible).toBe(1)
  expect(takeAll()).toEqual(['b1'])
  room.setOpen('a', true)
  expect(takeAll()).toEqual(['a1', 'a2'])
})

test('a task that returns goes in front of later arrivals of its level, and not before earlier ones', () => {
  const { room, put, takeAll } = setup()
  put('first')
  put('second')
  put('third')
  const first = room.take()
  const second = room.take()
  room.putBack(second!.task, second!.key)
  room.putBack(first!.task, first!.key)
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
