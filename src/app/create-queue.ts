import type { Logger } from 'pino'
import { Admission } from '../admission/admission.ts'
import type { AdmissionDeps } from '../admission/admission-deps.ts'
import type { EventBus } from '../events/event-bus.ts'
import { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { Registry } from '../handler/registry.ts'
import { createRunner } from '../handler/runner.ts'
import type { Journal } from '../journal/journal.ts'
import { Lifecycle } from '../lifecycle/lifecycle.ts'
import { readOutput } from '../lifecycle/output.ts'
import { createStepStore } from '../lifecycle/step-store.ts'
import type { PoolBounds, PoolDeps } from '../pool/pool-options.ts'
import { WorkerPool } from '../pool/worker-pool.ts'
import { Resources, type ResourcesOptions } from '../resource/resources.ts'
import type { Clock } from '../time/clock.ts'
import type { UploadStore } from '../uploads/upload-store.ts'

/** What a queue is made of; no setting of the server. */
export interface QueueDeps extends Pick<AdmissionDeps, 'defaults'> {
  readonly registry: Registry
  readonly journal: Journal
  readonly bus: EventBus
  readonly uploadStore: UploadStore
  readonly bounds: PoolBounds
  readonly resources: Pick<ResourcesOptions, 'limits' | 'keys'>
  /** Whether the upload of a task that has ended is left to the retention. */
  readonly keepsUploads: boolean
  /** A webhook is due. */
  readonly deliver: () => void
  /** Nothing more can be written. */
  readonly onFatal: (error: unknown) => void
  readonly clock: Clock
  /** Epoch ms, not moved by a jump of the wall clock: for decisions that cannot be undone. */
  readonly provenNow: () => number
  /** 0 to 1. */
  readonly random: () => number
  readonly log: Logger
}

/** The queue itself, wired once: pool, resources, estimator, lifecycle, admission and runner. */
export interface Queue {
  readonly pool: WorkerPool
  readonly resources: Resources
  readonly estimator: WaitEstimator
  readonly lifecycle: Lifecycle
  readonly admission: Admission
}

/** @param replaced what the pool is to work with instead of what is wired here */
export function createQueue(deps: QueueDeps, replaced: Partial<PoolDeps> = {}): Queue {
  const { registry, journal, clock, random, log, bounds } = deps
  const requeue = (id: string) => void lifecycle.transitions.requeue(id)
  const pool: WorkerPool = new WorkerPool(bounds, {
    clock,
    concurrencyOf: (type) => registry.concurrencyOf(type),
    resourcesOf: (type) => registry.resourcesOf(type),
    work: ({ id }, signal) => run(id, signal),
    ended: ({ id }, outcome) => lifecycle.transitions.ended(id, outcome),
    due: requeue,
    expired: (id) => void lifecycle.transitions.expire(id),
    ...replaced,
  })
  const resources: Resources = new Resources({
    ...deps.resources,
    clock,
    random,
    log,
    wake: requeue,
    opened: (name, isOpen) => pool.setResource(name, isOpen),
  })
  const estimator: WaitEstimator = new WaitEstimator({
    look: () => lookAt(pool, lifecycle, clock),
    concurrencyOf: (type) => registry.concurrencyOf(type),
    headStartMs: bounds.headStartMs,
    now: clock.now,
    monotonic: clock.monotonic,
    random,
  })
  const parts = { ...deps, journal: journal.tasks, pool, resources, estimator }
  const lifecycle: Lifecycle = new Lifecycle({ ...parts, ended: (task) => admission.ended(task) })
  const { duplicates, deliveries, health } = journal
  const admission: Admission = new Admission({ ...parts, duplicates, deliveries, health, lifecycle })
  const run = createRunner(registry, runnerPorts(deps, lifecycle, resources))
  return { pool, resources, estimator, lifecycle, admission }
}

function runnerPorts(deps: QueueDeps, { transitions }: Lifecycle, resources: Resources) {
  const { journal, uploadStore, clock, provenNow, random } = deps
  return {
    started: transitions.started.bind(transitions),
    report: transitions.report.bind(transitions),
    steps: createStepStore(journal.steps, clock.now),
    outputOf: (task) => readOutput(journal.tasks, task),
    fileOf: (upload) => uploadStore.open(upload),
    acquire: async (name, acquire) => resources.find(name).acquire(acquire),
    clock,
    provenNow,
    random,
  } satisfies Parameters<typeof createRunner>[1]
}

/** The queue as the estimator sees it. */
function lookAt(pool: WorkerPool, lifecycle: Lifecycle, clock: Clock) {
  return {
    slots: pool.slots,
    isProcessing: pool.holds.size === 0,
    running: [...pool.runningIds].flatMap((id) => {
      const task = lifecycle.live(id)
      return task === undefined ? [] : [{ type: task.type, startedAt: task.startedAt ?? clock.now() }]
    }),
    waiting: pool.waitingInOrder(),
    countOf: (priority: Parameters<WorkerPool['waitingOf']>[0]) => pool.waitingOf(priority),
  }
}
