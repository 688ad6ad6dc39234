import { Controls } from '../control/operator-controls.ts'
import { Outlook } from '../forecast/wait-estimator.ts'
import type { Registry } from '../handler/registry.ts'
import type { RunnerPorts } from '../handler/ports.ts'
import { createRunner } from '../handler/runner.ts'
import { Intake } from '../admission/admission.ts'
import { readOutput } from '../lifecycle/output.ts'
import { createStepStore } from '../lifecycle/step-store.ts'
import type { Journal } from '../journal/journal.ts'
import { WorkerPool } from '../pool/worker-pool.ts'
import type { Resources } from '../resource/resources.ts'
import type { Spool } from '../uploads/upload-store.ts'
import type { Clock } from '../task/clock.ts'
import { createKeepers, createWebhooks } from './background.ts'
import type { AssembleOptions } from './options.ts'
import { createResources } from './from-settings.ts'
import type { Still } from './services.ts'

/** The way of a task: door, waiting room, slots, handlers, memory and voice. */
export function assembleQueue(options: AssembleOptions, still: Still) {
  const { log, onFatal, clock, time, random = Math.random } = options
  const { registry, journal, feed, spool } = still
  const goOn = (id: string) => void intake.runs.goOn(id)
  const pool = createPool(options, still, {
    work: (task, signal) => run(task, signal),
    ended: (task, outcome) => intake.runs.ended(task, outcome),
    due: goOn,
    expired: (id) => void intake.runs.expire(id),
  })
  const resources: Resources = createResources(options, still, {
    wake: goOn,
    opened: (name, isOpen) => pool.setResource(name, isOpen),
  })
  const liveOf = (id: string) => intake.recorder.live(id)
  const outlook: Outlook = createOutlook(options, { pool, registry, liveOf })
  const webhooks = createWebhooks(options, still)
  const provenNow = () => time.now()
  const shared = { registry, pool, feed, spool, resources, outlook, clock, provenNow, random, log, onFatal }
  const { deliveries, duplicates, health } = journal
  const memory = { journal: journal.tasks, duplicates, deliveries, health }
  const intake = new Intake({
    ...intakeSettings(options),
    ...shared,
    ...memory,
    deliver: () => webhooks.start(),
  })
  const run = createRunner(
    registry,
    runnerPorts({ intake, resources, spool, journal, clock, provenNow, random }),
  )
  const queue = { pool, intake, resources, outlook }
  const controls = new Controls({ ...queue, notes: journal.notes, log })
  const keepers = createKeepers(options, { ...still, ...queue })
  return { ...still, ...queue, ...keepers, controls, webhooks, clock, time, log }
}

function intakeSettings({ settings }: AssembleOptions) {
  return {
    defaultTimeoutMs: settings.taskTimeoutMs,
    defaultAttempts: settings.defaultAttempts,
    keepsUploads: settings.journal !== 'memory' && settings.keepUploadsMs > 0,
  }
}

interface RunnerGiven {
  readonly intake: Intake
  readonly resources: Resources
  readonly spool: Spool
  readonly journal: Journal
  readonly clock: Clock
  readonly provenNow: () => number
  readonly random: () => number
}

function runnerPorts({
  intake,
  resources,
  spool,
  journal,
  clock,
  provenNow,
  random,
}: RunnerGiven): RunnerPorts {
  return {
    started: (task) => intake.runs.started(task),
    report: (task, report) => intake.runs.report(task, report),
    steps: createStepStore(intake.recorder, journal.steps),
    outputOf: (task) => readOutput(journal.tasks, task),
    fileOf: (upload) => spool.open(upload),
    acquire: async (name, acquire) => resources.find(name).acquire(acquire),
    clock,
    provenNow,
    random,
  }
}

type Hears = Pick<ConstructorParameters<typeof WorkerPool>[0], 'work' | 'ended' | 'due' | 'expired'>

function createPool({ settings, clock }: AssembleOptions, still: Still, hears: Hears): WorkerPool {
  const { registry, callers } = still
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
    ...hears,
  })
}

interface OutlookGiven {
  readonly pool: WorkerPool
  readonly registry: Registry
  readonly liveOf: Intake['recorder']['live']
}

function createOutlook(options: AssembleOptions, { pool, registry, liveOf }: OutlookGiven): Outlook {
  const { settings, clock, random = Math.random } = options
  return new Outlook({
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
