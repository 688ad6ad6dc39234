import { PLAIN } from '../src/http/routes/submit/read-submission.ts'
import { pino } from 'pino'
import { z } from 'zod'
import { EventBus } from '../src/events/event-bus.ts'
import { defineTask } from '../src/handler/define-task.ts'
import { WaitEstimator } from '../src/forecast/wait-estimator.ts'
import { Registry } from '../src/handler/registry.ts'
import { createRunner } from '../src/handler/runner.ts'
import { Admission } from '../src/admission/admission.ts'
import type { Journal } from '../src/journal/journal.ts'
import { WorkerPool } from '../src/pool/worker-pool.ts'
import { Resources } from '../src/resource/resources.ts'
import { UploadStore } from '../src/uploads/upload-store.ts'
import { systemClock } from '../src/time/clock.ts'
import type { Priority } from '../src/task/priority.ts'

export const SLOTS = 3

/** Strict levels, callers alike, no limits but the slots. */
export const NO_LIMITS = {
  headStartMs: 0,
  weightOf: null,
  maxQueuedPerCaller: Infinity,
  maxRunningPerCaller: Infinity,
  concurrencyOf: () => Infinity,
  resourcesOf: () => [],
  due: () => undefined,
  expired: () => undefined,
}

/** A submit that names nothing but its type, input and priority. */
const BARE = { ...PLAIN, key: null }

export interface CoreOptions {
  readonly journal: Journal
  readonly capacity: number
  /** The handler's first line. */
  readonly entered?: () => void
  /** PoolCallbacks of each end as it is decided. */
  readonly ended: () => void
}

/** The whole way behind the httpPlugin: parse, reserve, journal, enqueue, guard, context, outcome, three events to the feed. */
export function createCore({ journal, capacity, entered = () => undefined, ended }: CoreOptions) {
  const run = () => {
    entered()
    return null
  }
  const registry = new Registry([defineTask({ type: 'empty', input: z.object({ n: z.number() }), run })])
  const bus = new EventBus({ maxQueued: 1024, maxQueuedChars: 1024 * 1024 })
  const pool: WorkerPool = new WorkerPool({
    slots: SLOTS,
    capacity,
    maxStuck: SLOTS,
    maxParked: null,
    graceMs: 10_000,
    clock: systemClock,
    ...NO_LIMITS,
    work: (task, signal) => runner(task, signal),
    ended: ({ id }, outcome) => {
      admission.transitions.ended(id, outcome)
      ended()
    },
  })
  const log = pino({ level: 'silent' })
  const parts = { clock: systemClock, provenNow: systemClock.now, random: Math.random, log }
  const limits = new Map([['llm', { concurrency: 3 }]])
  const resources = new Resources({
    ...parts,
    limits,
    keys: new Map(),
    wake: (id) => void admission.transitions.requeue(id),
    opened: (name, isOpen) => pool.setResource(name, isOpen),
  })
  const estimator = new WaitEstimator({
    look: () => ({
      slots: pool.slots,
      isProcessing: pool.holds.size === 0,
      running: [...pool.runningIds].map(() => ({ type: 'empty', startedAt: systemClock.now() })),
      waiting: pool.waitingInOrder(),
      countOf: (priority) => pool.waitingOf(priority),
    }),
    concurrencyOf: () => Infinity,
    headStartMs: 0,
    now: systemClock.now,
    monotonic: systemClock.monotonic,
    random: Math.random,
  })
  const admission = new Admission({
    registry,
    pool,
    journal: journal.tasks,
    duplicates: journal.duplicates,
    deliveries: journal.deliveries,
    health: journal.health,
    keepsUploads: false,
    deliver: () => undefined,
    bus,
    uploadStore: new UploadStore('unused'),
    resources,
    estimator,
    ...parts,
    defaultTimeoutMs: 3_600_000,
    defaultAttempts: 3,
    onFatal: (error) => {
      throw error
    },
  })
  const runner = createRunner(registry, {
    started: (id) => admission.transitions.started(id),
    report: (task, report) => admission.transitions.report(task, report),
    steps: { load: () => Promise.resolve(undefined), save: () => Promise.resolve() },
    outputOf: () => Promise.resolve(''),
    fileOf: () => Promise.resolve(''),
    acquire: async (name, acquire) => resources.find(name).acquire(acquire),
    clock: systemClock,
    provenNow: systemClock.now,
    random: Math.random,
  })
  const submit = (n: number, priority: Priority) =>
    admission.submit({ ...BARE, type: 'empty', input: { n }, priority, caller: 'local' })
  return { pool, admission, submit }
}
