import type { Logger } from 'pino'
import { Admission } from '../admission/admission.ts'
import type { AdmissionDeps } from '../admission/admission-deps.ts'
import type { EventBus } from '../events/event-bus.ts'
import { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { Registry } from '../handler/registry.ts'
import { createRunner } from '../handler/runner.ts'
import type { Journal } from '../journal/journal.ts'
import { letGo, type LetGoDeps } from '../lifecycle/let-go.ts'
import { Lifecycle } from '../lifecycle/lifecycle.ts'
import { readOutput } from '../lifecycle/output.ts'
import { Recorder, type RecorderOptions } from '../lifecycle/recorder.ts'
import type { TransitionsDeps } from '../lifecycle/transitions.ts'
import { createStepStore } from '../lifecycle/step-store.ts'
import type { PoolBounds, PoolDeps } from '../pool/pool-options.ts'
import { WorkerPool } from '../pool/worker-pool.ts'
import { Resources, type ResourcesOptions } from '../resource/resources.ts'
import type { Task } from '../task/task.ts'
import type { Clock, ProvenClock } from '../time/clock.ts'

/** What a queue is made of; no setting of the server. */
export interface QueueDeps extends Pick<AdmissionDeps, 'defaults'> {
  readonly registry: Registry
  readonly storage: QueueStorage
  readonly bus: EventBus
  readonly bounds: PoolBounds
  readonly resources: Pick<ResourcesOptions, 'limits' | 'keys'>
  readonly listeners: QueueListeners
  readonly clock: ProvenClock
  /** 0 to 1. */
  readonly random: () => number
  readonly log: Logger
}

/** Where tasks and their files are kept. */
export interface QueueStorage extends Pick<LetGoDeps, 'uploadStore' | 'keepsUploads'> {
  readonly journal: Journal
}

/** Who is called with what the queue cannot do itself. */
interface QueueListeners {
  readonly webhookDue: () => void
  /** Nothing more can be written. */
  readonly fatal: (error: unknown) => void
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
  const { registry, clock, random, log, bounds, defaults, listeners } = deps
  const { journal } = deps.storage
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
  const parts = { pool, estimator, clock, log }
  const ended = (task: Task) => admission.ended(task)
  const lifecycle: Lifecycle = createLifecycle(deps, { ...parts, resources, ended })
  const deliver = listeners.webhookDue
  const admission: Admission = new Admission({ ...parts, registry, journal, lifecycle, defaults, deliver })
  const run = createRunner(registry, runnerPorts(deps, lifecycle, resources))
  return { pool, resources, estimator, lifecycle, admission }
}

type LifecycleGiven = Pick<TransitionsDeps, 'pool' | 'estimator' | 'resources' | 'clock' | 'log'> &
  Pick<RecorderOptions, 'ended'>

function createLifecycle({ storage, bus, listeners }: QueueDeps, { ended, ...given }: LifecycleGiven) {
  const { clock, log } = given
  const { tasks: journal } = storage.journal
  const leftovers = { ...storage, log, deliver: listeners.webhookDue }
  return new Lifecycle({
    ...given,
    recorder: new Recorder({ journal, bus, now: clock.now, ended, onFatal: listeners.fatal }),
    letGo: (task) => letGo(task, leftovers),
  })
}

function runnerPorts(deps: QueueDeps, { transitions }: Lifecycle, resources: Resources) {
  const { journal, uploadStore } = deps.storage
  const { clock, random } = deps
  return {
    started: transitions.started.bind(transitions),
    report: transitions.report.bind(transitions),
    steps: createStepStore(journal.steps, clock.now),
    outputOf: (task) => readOutput(journal.tasks, task),
    fileOf: (upload) => uploadStore.open(upload),
    acquire: async (name, acquire) => resources.find(name).acquire(acquire),
    clock,
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
