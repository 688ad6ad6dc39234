import { expect, test } from 'vitest'
import { Feed } from '../../src/events/event-bus.ts'
import type { News } from '../../src/task/event.ts'
import { settled } from '../support/settle.ts'

function setup(limits = { maxQueued: 4, maxQueuedChars: 100 }) {
  const feed = new Feed(limits)
  const log = (seq: number, message = 'm'): News => ({
    type: 'log',
    message,
    level: 'info',
    seq,
    taskId: 'a',
    status: 'running',
    at: 0,
  })
  const read = async (subscription: AsyncIterable<News>) => {
    const seen: unknown[] = []
    for await (const news of subscription) seen.push('seq' in news ? news.seq : news.type)
    return seen
  }
  return { feed, log, read }
}

test('every subscriber of a task hears the same news in order, and nobody else does', async () => {
  const { feed, log, read } = setup()
  const subscriptions = [feed.subscribe('a'), feed.subscribe('a'), feed.subscribe('b')]
  for (const seq of [1, 2, 3]) feed.publish(log(seq))
  for (const subscription of subscriptions) subscription.close()
  expect(await Promise.all(subscriptions.map(read))).toEqual([[1, 2, 3], [1, 2, 3], []])
})

test('a reader that falls behind loses positions first, then its subscription ends as too slow', async () => {
  const { feed, log, read } = setup()
  const slow = feed.subscribe('a')
  const other = feed.subscribe('a')
  const otherSeen = read(other)
  feed.publish(log(1))
  feed.publish({ type: 'position', taskId: 'a', queuePosition: 1, tasksAhead: 0, wait: null })
  for (const seq of [2, 3, 4]) {
    feed.publish(log(seq))
    await settled()
  }
  feed.publish(log(5))
  expect(await slow.ended).toBe('too-slow')
  expect(await read(slow)).toEqual([])
  feed.close()
  expect(await otherSeen).toContain(5)
})

test('text that waits for one reader is bounded too; one large piece alone is let through', async () => {
  const { feed, log } = setup()
  const subscription = feed.subscribe('a')
  feed.publish(log(1, 'x'.repeat(500)))
  feed.publish(log(2, 'x'))
  expect(await subscription.ended).toBe('too-slow')
})

test('leaving the loop ends the subscription', async () => {
  const { feed, log } = setup()
  const subscription = feed.subscribe('a')
  feed.publish(log(1))
  for await (const news of subscription) {
    expect(news.type).toBe('log')
    break
  }
  expect([feed.hasSubscribers('a'), feed.watchedTasks]).toEqual([false, 0])
})
