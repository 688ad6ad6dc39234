import { pino } from 'pino'
import { z } from 'zod'
import { Feed } from '../src/feed/feed.ts'
import { defineTask } from '../src/handler/define-task.ts'
import { Registry } from '../src/handler/registry.ts'
import { createRunner } from '../src/handler/runner.ts'
import { Intake } from '../src/intake/intake.ts'
import type { Journal } from '../src/journal/journal.ts'
import { WorkerPool } from '../src/pool/worker-pool.ts'
import { Spool } from '../src/spool/spool.ts'
import { systemClock } from '../src/task/clock.ts'
import type { Priority } from '../src/task/priority.ts'

export const SLOTS = 3

export interface CoreOptions {
  readonly journal: Journal
  readonly capacity: number
  /** The handler's first line. */
  readonly entered?: () => void
  /** Hears of each end as it is decided. */
  readonly ended: () => void
}

/** The whole way behind the edge: parse, reserve, journal, enqueue, guard, context, outcome, three events to the feed. */
export function createCore({ journal, capacity, entered = () => undefined, ended }: CoreOptions) {
  const run = () => {
    entered()
    return null
  }
  const registry = new Registry([defineTask({ type: 'empty', input: z.object({ n: z.number() }), run })])
  const feed = new Feed({ maxQueued: 1024, maxQueuedChars: 1024 * 1024 })
  const pool: WorkerPool = new WorkerPool({
    slots: SLOTS,
    capacity,
    maxStuck: SLOTS,
    graceMs: 10_000,
    clock: systemClock,
    concurrencyOf: () => Infinity,
    work: (task, signal) => runner(task, signal),
    ended: (task, outcome) => {
      intake.runs.ended(task, outcome)
      ended()
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
  const bare = { upload: null, metadata: null, webhook: null, key: null, dedupe: null, isForced: false }
  const submit = (n: number, priority: Priority) =>
    intake.submit({ ...bare, type: 'empty', input: { n }, priority, caller: 'local' })
  return { pool, intake, submit }
}
