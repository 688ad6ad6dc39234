import { expect, test } from 'vitest'
import type { PoolBounds, PoolDeps } from '../../src/pool/pool-options.ts'
import { WorkerPool } from '../../src/pool/worker-pool.ts'
import { ShuttingDown, type Outcome } from '../../src/task/outcome.ts'
import type { Priority } from '../../src/task/priority.ts'
import { poolDefaults } from '../support/pool.ts'
import { settled } from '../support/settle.ts'
import { COMPLETED, sampleTicket } from '../support/tasks.ts'

/** A pool whose handlers end when the test wants it; stuck ones never mind their signal. */
function setup(given: Partial<PoolBounds & PoolDeps> = {}) {
  const defaults = poolDefaults()
  const { clock } = defaults
  const started: string[] = []
  const ended: [string, Outcome['kind']][] = []
  const finish = new Map<string, (outcome?: Outcome) => void>()
  const signals = new Map<string, AbortSignal>()
  const deps: PoolDeps = {
    ...defaults,
    work: (task, signal) => {
      started.push(task.id)
      signals.set(task.id, signal)
      return new Promise((resolve) => finish.set(task.id, (outcome = COMPLETED) => resolve(outcome)))
    },
    ended: (task, outcome) => ended.push([task.id, outcome.kind]),
    ...given,
  }
  const pool = new WorkerPool({ ...defaults, ...given }, deps)
  const submit = (
    id: string,
    { priority = 1, type = 'sample' }: { priority?: Priority; type?: string } = {},
  ) => {
    const place = pool.reserve(priority, 'local')
    if (place === undefined) return false
    pool.enqueue(sampleTicket({ id, priority, type }), place)
    return true
  }
  const end = async (id: string) => {
    finish.get(id)?.()
    await settled()
  }
  return { pool, clock, started, ended, signals, submit, end }
}

test('an idle slot takes a task in the call that enqueues it', () => {
  const { submit, started } = setup()
  submit('a')
  expect(started).toEqual(['a'])
})

test('a slot is refilled the moment it frees, with the best task that waits then', async () => {
  const { submit, end, started } = setup()
  submit('a')
  submit('normal')
  submit('urgent', { priority: 3 })
  await end('a')
  expect(started).toEqual(['a', 'urgent'])
})

test('a full waiting room refuses the next task, and reserved places count', () => {
  const { pool, submit } = setup({ slots: 0, capacity: 2 })
  const place = pool.reserve(1, 'local')
  expect(submit('a')).toBe(true)
  expect(submit('b')).toBe(false)
  place?.release()
  place?.release()
  expect([submit('b'), submit('c')]).toEqual([true, false])
})

test('a newcomer counts reserved and waiting tasks of its level and above', () => {
  const { pool, submit } = setup({ slots: 0 })
  submit('low', { priority: 0 })
  submit('high', { priority: 2 })
  pool.reserve(1, 'local')
  expect([0, 1, 2, 3].map((priority) => pool.aheadOfNewcomer(priority as Priority, 'local'))).toEqual([
    3, 2, 1, 0,
  ])
})

test('a type at its limit holds no other back', async () => {
  const { submit, end, started } = setup({
    slots: 3,
    concurrencyOf: (type) => (type === 'gpu' ? 1 : Infinity),
  })
  submit('gpu 1', { type: 'gpu', priority: 3 })
  submit('gpu 2', { type: 'gpu', priority: 3 })
  submit('light 1')
  submit('light 2')
  expect(started).toEqual(['gpu 1', 'light 1', 'light 2'])
  submit('light 3')
  await end('gpu 1')
  expect(started.slice(3)).toEqual(['gpu 2'])
})

test('an idle slot takes a task whose type opens when another task of it ends', async () => {
  const { submit, end, started } = setup({
    slots: 3,
    concurrencyOf: (type) => (type === 'gpu' ? 2 : Infinity),
  })
  for (const id of ['gpu 1', 'gpu 2', 'gpu 3', 'gpu 4']) submit(id, { type: 'gpu' })
  expect(started).toEqual(['gpu 1', 'gpu 2'])
  await end('gpu 2')
  await end('gpu 1')
  expect(started).toEqual(['gpu 1', 'gpu 2', 'gpu 3', 'gpu 4'])
})

test('a waiting task is cancelled without a run, a running one is aborted', async () => {
  const { pool, submit, end, started, ended, signals } = setup()
  submit('a')
  submit('b')
  expect([pool.cancel('b'), pool.cancel('a'), pool.cancel('c')]).toEqual(['removed', 'aborting', 'absent'])
  expect(signals.get('a')?.reason).toMatchObject({ name: 'CancelRequested' })
  await end('a')
  expect([started, ended]).toEqual([['a'], [['a', 'cancelled']]])
})

test('pause starts nothing, resume starts what waits', async () => {
  const { pool, submit, end, started } = setup()
  submit('a')
  pool.pause()
  submit('b')
  await end('a')
  expect(started).toEqual(['a'])
  pool.resume()
  await settled()
  expect(started).toEqual(['a', 'b'])
})

test('slots grow and shrink live, down to none', async () => {
  const { pool, submit, end, started } = setup({ slots: 3 })
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) submit(id)
  pool.resize({ slots: 1 })
  await end('a')
  await end('b')
  expect([started.length, pool.running]).toEqual([3, 1])
  await end('c')
  expect(started).toEqual(['a', 'b', 'c', 'd'])
  pool.resize({ slots: 0 })
  await end('d')
  expect([started.length, pool.running]).toEqual([4, 0])
  pool.resize({ slots: 2 })
  await settled()
  expect(started).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})

test('a smaller capacity refuses newcomers and keeps who waits', () => {
  const { pool, submit } = setup({ slots: 0, capacity: 3 })
  for (const id of ['a', 'b', 'c']) submit(id)
  pool.resize({ capacity: 1 })
  expect([submit('d'), pool.waiting]).toEqual([false, 3])
})

test('at its limit a run is aborted; settling within the grace ends it as timeout', async () => {
  const { clock, submit, end, ended, signals } = setup()
  submit('a')
  clock.advance(59_999)
  expect(signals.get('a')?.aborted).toBe(false)
  clock.advance(1)
  expect(signals.get('a')?.reason).toMatchObject({ name: 'TimedOut', limitMs: 60_000 })
  await end('a')
  expect(ended).toEqual([['a', 'timeout']])
})

test('a stuck handler ends as timeout after the grace, is counted as stuck, and gives its slot away', async () => {
  const { pool, clock, submit, end, ended, started } = setup()
  submit('stuck')
  submit('next')
  clock.advance(60_000 + 10_000)
  await settled()
  expect(ended).toEqual([['stuck', 'timeout']])
  expect([started, pool.running, pool.stuck, pool.isAtStuckLimit]).toEqual([['stuck', 'next'], 1, 1, true])
  await end('stuck')
  expect([pool.stuck, ended.length]).toEqual([0, 1])
})

test('a type that opens when a stuck handler is given up starts in an idle slot, while that one keeps its own', async () => {
  const { clock, submit, started } = setup({
    slots: 2,
    maxStuck: 0,
    concurrencyOf: (type) => (type === 'gpu' ? 1 : Infinity),
  })
  submit('stuck', { type: 'gpu' })
  submit('next', { type: 'gpu' })
  expect(started).toEqual(['stuck'])
  clock.advance(70_000)
  await settled()
  expect(started).toEqual(['stuck', 'next'])
})

test('over the bound of stuck handlers a stuck one keeps its slot until it or another settles', async () => {
  const { pool, clock, submit, end, started } = setup({ slots: 2 })
  for (const id of ['stuck 1', 'stuck 2', 'a', 'b']) submit(id)
  clock.advance(70_000)
  await settled()
  expect([started, pool.running, pool.stuck]).toEqual([['stuck 1', 'stuck 2', 'a'], 2, 1])
  await end('stuck 1')
  expect([started.at(-1), pool.running, pool.stuck]).toEqual(['b', 2, 1])
})

test('with no room for stuck handlers a stuck one keeps its slot', async () => {
  const { pool, clock, submit, end, started, ended } = setup({ maxStuck: 0 })
  submit('stuck')
  submit('a')
  clock.advance(70_000)
  await settled()
  expect([ended.length, started, pool.running, pool.stuck]).toEqual([1, ['stuck'], 1, 0])
  await end('stuck')
  expect(started).toEqual(['stuck', 'a'])
})

test('a cancel in the very turn in which a run has ended changes nothing', async () => {
  const { pool, submit, end, ended } = setup()
  submit('a')
  const answers: string[] = []
  const ending = end('a')
  for (let turn = 0; turn < 5; turn += 1) {
    answers.push(pool.cancel('a'))
    await Promise.resolve()
  }
  await ending
  expect(ended).toEqual([['a', answers[0] === 'aborting' ? 'cancelled' : 'completed']])
  expect(answers.slice(1)).not.toContain('aborting')
})

test('the first cause of an abort stands', async () => {
  const { pool, clock, submit, end, ended } = setup()
  submit('a')
  clock.advance(60_000)
  pool.cancel('a')
  await end('a')
  expect(ended).toEqual([['a', 'timeout']])
})

test('a run that is interrupted by a stop goes back to the front of its level', async () => {
  const { pool, submit, end, ended } = setup()
  submit('a')
  submit('b')
  pool.pause()
  pool.abortAll(new ShuttingDown(), 5000)
  await end('a')
  expect(ended).toEqual([['a', 'interrupted']])
  expect([...pool.waitingInOrder()].map((task) => task.id)).toEqual(['a', 'b'])
})

test('work that breaks its promise never to reject ends as failed', async () => {
  const { submit, ended } = setup({ work: () => Promise.reject(new Error('boom')) })
  submit('a')
  submit('b')
  await settled()
  expect(ended).toEqual([
    ['a', 'failed'],
    ['b', 'failed'],
  ])
})

test('the places that a caller has reserved count for it, until they are given back', () => {
  const { pool } = setup({ slots: 0, maxQueuedPerCaller: 2 })
  const [first] = [pool.reserve(1, 'ann'), pool.reserve(1, 'ann')]
  expect(pool.reserve(1, 'ann')).toBeUndefined()
  expect([pool.refusal('ann'), pool.refusal('ben')]).toEqual(['user-queue-full', null])
  first?.release()
  expect(pool.refusal('ann')).toBeNull()
})

test('a task whose delay is over stands before those that came after it', () => {
  const { pool, submit, clock } = setup({ slots: 0 })
  const delayed = sampleTicket({ id: 'delayed', notBefore: clock.now() + 1000 })
  pool.restore(delayed)
  submit('later')
  pool.requeue(delayed.id)
  expect([...pool.waitingInOrder()].map(({ id }) => id)).toEqual(['delayed', 'later'])
})

test('a task whose start deadline has passed does not start, also when its alarm has not rung yet', async () => {
  const expired: string[] = []
  const { pool, clock, started } = setup({ expired: (id) => expired.push(id) })
  pool.pause()
  const startDeadlineAt = clock.now() + 1000
  for (const ticket of [sampleTicket({ id: 'late', startDeadlineAt }), sampleTicket({ id: 'next' })])
    pool.restore(ticket)
  // The wall clock alone: as after a pause of the machine.
  clock.setWall(startDeadlineAt + 1)
  pool.resume()
  await settled()
  expect([expired, started]).toEqual([['late'], ['next']])
})

test('a wait for an empty queue ends with the cancel of the last task that waits', async () => {
  const { pool, submit } = setup({ slots: 0 })
  submit('a')
  let isIdle = false
  void pool.whenIdle().then(() => (isIdle = true))
  await settled()
  expect(isIdle).toBe(false)
  pool.cancel('a')
  await settled()
  expect(isIdle).toBe(true)
})

test('tasks that wait for their first start are none of those that are parked', () => {
  const { pool, clock } = setup({ slots: 0, maxParked: 2 })
  for (const id of ['a', 'b', 'c']) pool.restore(sampleTicket({ id, notBefore: clock.now() + 60_000 }))
  expect([pool.parkedFullUntil, pool.refusal('local'), pool.taken]).toEqual([null, null, 3])
})

test('a run with a short limit is stopped in time beside one with a long limit', () => {
  const { pool, clock, submit, signals } = setup({ slots: 2 })
  submit('long')
  pool.restore(sampleTicket({ id: 'short', timeoutMs: 1000 }))
  pool.resume()
  clock.advance(1000)
  expect([signals.get('short')?.aborted, signals.get('long')?.aborted]).toEqual([true, false])
  clock.advance(59_000)
  expect(signals.get('long')?.aborted).toBe(true)
})
