import { expect, test } from 'vitest'
import { EventBus } from '../../src/events/event-bus.ts'
import type { FeedEvent } from '../../src/task/event.ts'
import { settled } from '../support/settle.ts'

function setup(limits = { maxQueued: 4, maxQueuedChars: 100 }) {
  const bus = new EventBus(limits)
  const log = (seq: number, message = 'm'): FeedEvent => ({
    type: 'log',
    message,
    level: 'info',
    seq,
    taskId: 'a',
    status: 'running',
    at: 0,
  })
  const read = async (subscription: AsyncIterable<FeedEvent>) => {
    const seen: unknown[] = []
    for await (const feedEvent of subscription) seen.push('seq' in feedEvent ? feedEvent.seq : feedEvent.type)
    return seen
  }
  return { bus, log, read }
}

test('every subscriber of a task gets the same events in order, and no other does', async () => {
  const { bus, log, read } = setup()
  const subscriptions = [bus.subscribe('a'), bus.subscribe('a'), bus.subscribe('b')]
  for (const seq of [1, 2, 3]) bus.publish(log(seq))
  for (const subscription of subscriptions) subscription.close()
  expect(await Promise.all(subscriptions.map(read))).toEqual([[1, 2, 3], [1, 2, 3], []])
})

test('a reader that falls behind loses positions first, then its subscription ends as too slow', async () => {
  const { bus, log, read } = setup()
  const slow = bus.subscribe('a')
  const other = bus.subscribe('a')
  const otherSeen = read(other)
  bus.publish(log(1))
  bus.publish({ type: 'position', taskId: 'a', queuePosition: 1, tasksAhead: 0, wait: null })
  for (const seq of [2, 3, 4]) {
    bus.publish(log(seq))
    await settled()
  }
  bus.publish(log(5))
  expect(await slow.ended).toBe('too-slow')
  expect(await read(slow)).toEqual([])
  bus.close()
  expect(await otherSeen).toContain(5)
})

test('text that waits for one reader is bounded too; one large piece alone is let through', async () => {
  const { bus, log } = setup()
  const subscription = bus.subscribe('a')
  bus.publish(log(1, 'x'.repeat(500)))
  bus.publish(log(2, 'x'))
  expect(await subscription.ended).toBe('too-slow')
})

test('leaving the loop ends the subscription', async () => {
  const { bus, log } = setup()
  const subscription = bus.subscribe('a')
  bus.publish(log(1))
  for await (const feedEvent of subscription) {
    expect(feedEvent.type).toBe('log')
    break
  }
  expect([bus.hasSubscribers('a'), [...bus.watchedTasks].length]).toEqual([false, 0])
})

test('a thousand readers of one task are woken in slices, other work comes between, and all get everything in order', async () => {
  const { bus, log } = setup({ maxQueued: 100, maxQueuedChars: 1000 })
  const seen = Array.from({ length: 1000 }, (): number[] => [])
  const readers = seen.map(async (numbers) => {
    for await (const feedEvent of bus.subscribe('a')) if ('seq' in feedEvent) numbers.push(feedEvent.seq)
  })
  await settled()
  const reached = () => seen.filter(({ length }) => length > 0).length
  bus.publish(log(1))
  await settled()
  expect(reached()).toBe(256)
  // Published while most have not seen the first one.
  bus.publish(log(2))
  await new Promise((resolve) => setImmediate(resolve))
  await settled()
  expect(reached()).toBe(512)
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  bus.publish(log(3))
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  bus.close()
  await Promise.all(readers)
  expect(new Set(seen.map((numbers) => numbers.join()))).toEqual(new Set(['1,2,3']))
})
