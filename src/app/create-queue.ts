import { OperatorControls } from '../control/operator-controls.ts'
import { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { Registry } from '../handler/registry.ts'
import type { RunnerPorts } from '../handler/ports.ts'
import { createRunner } from '../handler/runner.ts'
import { Admission } from '../admission/admission.ts'
import { readOutput } from '../lifecycle/output.ts'
import { createStepStore } from '../lifecycle/step-store.ts'
import type { Journal } from '../journal/journal.ts'
import { WorkerPool } from '../pool/worker-pool.ts'
import type { Resources } from '../resource/resources.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { Clock } from '../time/clock.ts'
import { createBackgroundJobs, createWebhooks } from './background.ts'
import type { AppOptions } from './app-options.ts'
import { createResources } from './from-settings.ts'
import type { Services } from './services.ts'

/** Creates the queue itself: admission, worker pool, resources, runner, and the jobs beside them. */
export function createQueue(options: AppOptions, services: Services) {
  const { log, onFatal, clock, time, random = Math.random } = options
  const { registry, journal, bus, uploadStore } = services
  const requeue = (id: string) => void admission.transitions.requeue(id)
  const pool = createPool(options, services, {
    work: ({ id }, signal) => run(id, signal),
    ended: ({ id }, outcome) => admission.transitions.ended(id, outcome),
    due: requeue,
    expired: (id) => void admission.transitions.expire(id),
  })
  const resources: Resources = createResources(options, services, {
    wake: requeue,
    opened: (name, isOpen) => pool.setResource(name, isOpen),
  })
  const liveOf = (id: string) => admission.recorder.live(id)
  const estimator: WaitEstimator = createEstimator(options, { pool, registry, liveOf })
  const webhooks = createWebhooks(options, services)
  const provenNow = () => time.now()
  const { deliveries, duplicates, health } = journal
  const storage = { journal: journal.tasks, duplicates, deliveries, health, uploadStore }
  const shared = { registry, pool, bus, resources, estimator, log, onFatal }
  const timing = { clock, provenNow, random }
  const admission = new Admission({
    ...admissionSettings(options),
    ...shared,
    ...storage,
    ...timing,
    deliver: () => webhooks.start(),
  })
  const run = createRunner(registry, runnerPorts({ admission, resources, uploadStore, journal, ...timing }))
  const queue = { pool, admission, resources, estimator }
  const controls = new OperatorControls({ ...queue, notes: journal.notes, log })
  const jobs = createBackgroundJobs(options, { ...services, ...queue })
  return { ...services, ...queue, ...jobs, controls, webhooks, clock, time, log }
}

function admissionSettings({ settings }: AppOptions) {
  return {
    defaultTimeoutMs: settings.taskTimeoutMs,
    defaultAttempts: settings.defaultAttempts,
    keepsUploads: settings.journal !== 'memory' && settings.keepUploadsMs > 0,
  }
}

interface RunnerDeps {
  readonly admission: Admission
  readonly resources: Resources
  readonly uploadStore: UploadStore
  readonly journal: Journal
  readonly clock: Clock
  readonly provenNow: () => number
  readonly random: () => number
}

function runnerPorts({
  admission,
  resources,
  uploadStore,
  journal,
  clock,
  provenNow,
  random,
}: RunnerDeps): RunnerPorts {
  return {
    started: (id) => admission.transitions.started(id),
    report: (task, report) => admission.transitions.report(task, report),
    steps: createStepStore(admission.recorder, journal.steps),
    outputOf: (task) => readOutput(journal.tasks, task),
    fileOf: (upload) => uploadStore.open(upload),
    acquire: async (name, acquire) => resources.find(name).acquire(acquire),
    clock,
    provenNow,
    random,
  }
}

type PoolCallbacks = Pick<ConstructorParameters<typeof WorkerPool>[0], 'work' | 'ended' | 'due' | 'expired'>

function createPool(
  { settings, clock }: AppOptions,
  services: Services,
  callbacks: PoolCallbacks,
): WorkerPool {
  const { registry, callers } = services
  const {
    slots,
    capacity,
    graceMs,
    maxStuck,
    headStartMs,
    maxQueuedPerCaller,
    maxRunningPerCaller,
    maxParked,
  } = settings
  const bounds = { slots, capacity, maxParked, graceMs, headStartMs, maxQueuedPerCaller, maxRunningPerCaller }
  return new WorkerPool({
    ...bounds,
    clock,
    maxStuck: maxStuck ?? slots,
    weightOf: settings.isFair ? (caller) => callers.named(caller)?.weight ?? 1 : null,
    concurrencyOf: (type) => registry.concurrencyOf(type),
    resourcesOf: (type) => registry.resourcesOf(type),
    ...callbacks,
  })
}

interface EstimatorDeps {
  readonly pool: WorkerPool
  readonly registry: Registry
  readonly liveOf: Admission['recorder']['live']
}

function createEstimator(options: AppOptions, { pool, registry, liveOf }: EstimatorDeps): WaitEstimator {
  const { settings, clock, random = Math.random } = options
  return new WaitEstimator({
    look: () => ({
      slots: pool.slots,
      isProcessing: pool.holds.size === 0,
      running: [...pool.runningIds].flatMap((id) => {
        const task = liveOf(id)
        return task === undefined ? [] : [{ type: task.type, startedAt: task.startedAt ?? clock.now() }]
      }),
      waiting: pool.waitingInOrder(),
      countOf: (priority) => pool.waitingOf(priority),
    }),
    concurrencyOf: (type) => registry.concurrencyOf(type),
    headStartMs: settings.headStartMs,
    now: clock.now,
    monotonic: clock.monotonic,
    random,
  })
}
