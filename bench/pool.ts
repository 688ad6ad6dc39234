import fastq from 'fastq'
import PQueue from 'p-queue'
import { Feed } from '../src/feed/feed.ts'
import { defineTask } from '../src/handler/define-task.ts'
import { Registry } from '../src/handler/registry.ts'
import { createRunner } from '../src/handler/runner.ts'
import { Intake } from '../src/intake/intake.ts'
import { createMemoryJournal } from '../src/journal/memory/memory-journal.ts'
import { WorkerPool } from '../src/pool/worker-pool.ts'
import { Spool } from '../src/spool/spool.ts'
import { systemClock } from '../src/task/clock.ts'
import type { Outcome } from '../src/task/outcome.ts'
import { mixedPriorities, sampleTask } from './support.ts'
import { pino } from 'pino'
import { z } from 'zod'

const SLOTS = 3
const DONE: Outcome = {
  kind: 'completed',
  result: 'null',
  headline: { title: null, summary: null, filename: null, hash: null },
}

interface Run {
  readonly name: string
  readonly tasksPerSecond: number
}

/** All tasks are put in, then taken out: tasks per second for both together. */
async function timed(name: string, count: number, work: () => Promise<void>): Promise<Run> {
  const startedAt = performance.now()
  await work()
  return { name, tasksPerSecond: (count / (performance.now() - startedAt)) * 1000 }
}

export async function poolRun(count: number, isPreloaded: boolean): Promise<Run> {
  const priorities = mixedPriorities(count)
  const tasks = priorities.map((priority, index) => sampleTask(index, priority))
  let ended = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const pool = new WorkerPool({
    slots: SLOTS,
    capacity: count,
    maxStuck: SLOTS,
    graceMs: 10_000,
    clock: systemClock,
    concurrencyOf: () => Infinity,
    work: () => Promise.resolve(DONE),
    ended: () => {
      ended += 1
      if (ended === count) resolve()
    },
  })
  return timed('headgate pool', count, async () => {
    if (isPreloaded) pool.pause()
    for (const task of tasks) {
      const place = pool.reserve(task.priority)
      if (place === undefined) throw new Error('no place')
      pool.enqueue(task, place)
    }
    pool.resume()
    await promise
  })
}

/** The whole route behind the edge: parse, reserve, journal, enqueue, guard, context, outcome, three events to the feed. */
export async function coreRun(count: number): Promise<Run> {
  let ended = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const registry = new Registry([
    defineTask({ type: 'empty', input: z.object({ n: z.number() }), run: () => null }),
  ])
  const feed = new Feed({ maxQueued: 1024, maxQueuedChars: 1024 * 1024 })
  const journal = createMemoryJournal({ maxFinished: 1000, maxFinishedBytes: 256 * 1024 * 1024 })
  const pool: WorkerPool = new WorkerPool({
    slots: SLOTS,
    capacity: count,
    maxStuck: SLOTS,
    graceMs: 10_000,
    clock: systemClock,
    concurrencyOf: () => Infinity,
    work: (task, signal) => runner(task, signal),
    ended: (task, outcome) => {
      intake.runs.ended(task, outcome)
      ended += 1
      if (ended === count) resolve()
    },
  })
  const intake = new Intake({
    registry,
    pool,
    journal: journal.tasks,
    duplicates: journal.duplicates,
    health: journal.health,
    keepsUploads: false,
    deliver: () => undefined,
    feed,
    spool: new Spool('unused'),
    clock: systemClock,
    random: Math.random,
    log: pino({ level: 'silent' }),
    defaultTimeoutMs: 3_600_000,
    onFatal: (error) => {
      throw error
    },
  })
  const runner = createRunner(registry, {
    started: (task) => intake.runs.started(task),
    report: (task, report) => intake.runs.report(task, report),
    steps: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() },
    fileOf: () => Promise.resolve(''),
    clock: systemClock,
  })
  const priorities = mixedPriorities(count)
  return timed('headgate whole core', count, async () => {
    await Promise.all(
      priorities.map((priority, n) =>
        intake.submit({
          type: 'empty',
          input: { n },
          upload: null,
          priority,
          metadata: null,
          webhook: null,
          caller: 'local',
          key: null,
          dedupe: null,
          isForced: false,
        }),
      ),
    )
    await promise
  })
}

export async function pQueueRun(count: number, isPreloaded: boolean): Promise<Run> {
  const priorities = mixedPriorities(count)
  const tasks = priorities.map((priority, index) => sampleTask(index, priority))
  const queue = new PQueue({ concurrency: SLOTS, autoStart: !isPreloaded })
  const work = async (): Promise<void> => {}
  return timed('p-queue', count, async () => {
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
  return timed('fastq (no priorities)', count, async () => {
    for (const task of tasks) void queue.push(task)
    queue.resume()
    await queue.drained()
  })
}
