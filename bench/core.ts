import { PLAIN } from '../src/http/routes/submit/read-submission.ts'
import { pino } from 'pino'
import { z } from 'zod'
import { createQueue, type Queue, type QueueDeps } from '../src/app/create-queue.ts'
import { EventBus } from '../src/events/event-bus.ts'
import { defineTask } from '../src/handler/define-task.ts'
import { Registry } from '../src/handler/registry.ts'
import type { Journal } from '../src/journal/journal.ts'
import { FolderStore } from '../src/uploads/folder-store.ts'
import { systemClock } from '../src/time/clock.ts'
import type { Priority } from '../src/task/priority.ts'

export const SLOTS = 3

/** Bounds of a pool: strict levels, callers alike. Its size is with what is measured. */
export const NO_LIMITS = {
  headStartMs: 0,
  weightOf: null,
  maxQueuedPerCaller: Infinity,
  maxRunningPerCaller: Infinity,
  maxParked: null,
  graceMs: 10_000,
}

/** A pool by itself: tasks without limits, none delayed. */
export const NOTHING_WIRED = {
  clock: systemClock,
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
  readonly slots?: number
  /** The handler's first line. */
  readonly entered?: () => void
  /** PoolCallbacks of each end as it is decided. */
  readonly ended: () => void
}

/** The whole way behind the httpPlugin: parse, reserve, journal, enqueue, guard, context, outcome, three events to the feed. */
export function createCore({
  journal,
  capacity,
  slots = SLOTS,
  entered = () => undefined,
  ended,
}: CoreOptions) {
  const run = () => {
    entered()
    return null
  }
  const registry = new Registry([defineTask({ type: 'empty', input: z.object({ n: z.number() }), run })])
  const bus = new EventBus({ maxQueued: 1024, maxQueuedChars: 1024 * 1024 })
  const deps: QueueDeps = {
    registry,
    storage: { journal, uploadStore: new FolderStore('unused'), keepsUploads: false },
    bus,
    clock: { ...systemClock, provenNow: systemClock.now },
    random: Math.random,
    log: pino({ level: 'silent' }),
    bounds: {
      ...NO_LIMITS,
      slots,
      capacity,
      maxStuck: slots,
    },
    resources: { limits: new Map([['llm', { concurrency: 3 }]]), keys: new Map() },
    defaults: { timeoutMs: 3_600_000, attempts: 3 },
    listeners: {
      webhookDue: () => undefined,
      fatal: (error) => {
        throw error
      },
    },
  }
  const queue: Queue = createQueue(deps, {
    ended: ({ id }, outcome) => {
      queue.lifecycle.transitions.ended(id, outcome)
      ended()
    },
  })
  const { pool, admission, lifecycle } = queue
  const submit = (n: number, priority: Priority) =>
    admission.submit({ ...BARE, type: 'empty', input: { n }, priority, caller: 'local' })
  return { pool, admission, lifecycle, submit }
}
