import fastq from 'fastq'
import PQueue from 'p-queue'
import type { Journal } from '../src/journal/journal.ts'
import { createMemoryJournal } from '../src/journal/memory/memory-journal.ts'
import { WorkerPool } from '../src/pool/worker-pool.ts'
import type { Outcome } from '../src/task/outcome.ts'
import { mixedPriorities, sampleTask, sampleTicket, sendAll, timed, type Run } from './support.ts'
import { createCore, NO_LIMITS, NOTHING_WIRED, SLOTS } from './core.ts'

const DONE: Outcome = {
  kind: 'completed',
  result: 'null',
  headline: { title: null, summary: null, filename: null, hash: null },
}

export async function poolRun(count: number, isPreloaded: boolean): Promise<Run> {
  const priorities = mixedPriorities(count)
  const tickets = priorities.map((priority, index) => sampleTicket(index, priority))
  let ended = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const pool = new WorkerPool(
    { ...NO_LIMITS, slots: SLOTS, capacity: count, maxStuck: SLOTS },
    {
      ...NOTHING_WIRED,
      work: () => Promise.resolve(DONE),
      ended: () => {
        ended += 1
        if (ended === count) resolve()
      },
    },
  )
  return timed(count, async () => {
    if (isPreloaded) pool.pause()
    for (const ticket of tickets) {
      const place = pool.reserve(ticket.priority, ticket.caller)
      if (place === undefined) throw new Error('no place')
      pool.enqueue(ticket, place)
    }
    pool.resume()
    await promise
  })
}

/** The whole core, with a journal in memory or on disk; each task is submitted, run and recorded to its end. */
export async function coreRun(count: number, journal: Journal, slots = SLOTS): Promise<Run> {
  let ended = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const { submit, lifecycle } = createCore({
    journal,
    capacity: count,
    slots,
    ended: () => {
      ended += 1
      if (ended === count) resolve()
    },
  })
  const priorities = mixedPriorities(count)
  return timed(count, async () => {
    await sendAll(count, (n) => submit(n, priorities[n] ?? 1))
    await promise
    await lifecycle.recorder.whenWritten()
  })
}

export function memoryJournal(): Journal {
  return createMemoryJournal({ maxFinished: 1000, maxFinishedBytes: 256 * 1024 * 1024 })
}

export async function pQueueRun(count: number, isPreloaded: boolean): Promise<Run> {
  const priorities = mixedPriorities(count)
  const tasks = priorities.map((priority, index) => sampleTask(index, priority))
  const queue = new PQueue({ concurrency: SLOTS, autoStart: !isPreloaded })
  const work = async (): Promise<void> => {}
  return timed(count, async () => {
    for (const task of tasks) void queue.add(work, { priority: task.priority })
    queue.start()
    await queue.onIdle()
  })
}

export async function fastqRun(count: number, isPreloaded: boolean): Promise<Run> {
  const priorities = mixedPriorities(count)
  const tasks = priorities.map((priority, index) => sampleTask(index, priority))
  const queue = fastq.promise(async () => {}, SLOTS)
  if (isPreloaded) queue.pause()
  return timed(count, async () => {
    for (const task of tasks) void queue.push(task)
    queue.resume()
    await queue.drained()
  })
}
