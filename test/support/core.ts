import { PLAIN } from '../../src/http/routes/submit/read-submission.ts'
import { pino } from 'pino'
import { EventBus } from '../../src/events/event-bus.ts'
import type { TaskType } from '../../src/handler/define-task.ts'
import { Registry } from '../../src/handler/registry.ts'
import { createRunner } from '../../src/handler/runner.ts'
import { recover } from '../../src/app/recovery.ts'
import { CounterStore } from '../../src/lifecycle/saved-counters.ts'
import { Admission } from '../../src/admission/admission.ts'
import { readOutput } from '../../src/lifecycle/output.ts'
import { createStepStore } from '../../src/lifecycle/step-store.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { createMemoryJournal } from '../../src/journal/memory/memory-journal.ts'
import type { PoolOptions } from '../../src/pool/pool-options.ts'
import { WorkerPool } from '../../src/pool/worker-pool.ts'
import { UploadStore } from '../../src/uploads/upload-store.ts'
import type { Priority } from '../../src/task/priority.ts'
import { WaitEstimator } from '../../src/forecast/wait-estimator.ts'
import type { Submission } from '../../src/admission/submission.ts'
import type { ProjectKey } from '../../src/resource/key-pool.ts'
import { Resources } from '../../src/resource/resources.ts'
import type { ResourceLimits } from '../../src/task/resource.ts'
import { poolDefaults } from './pool.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A submit that names nothing but its type, input and priority. */
const BARE = { ...PLAIN, caller: 'local', key: null }

export interface CoreGiven extends Partial<PoolOptions> {
  readonly types?: readonly TaskType[]
  readonly journal?: Journal
  readonly onFatal?: (error: unknown) => void
  readonly random?: () => number
  readonly clock?: VirtualClock
  readonly limits?: Readonly<Record<string, ResourceLimits>>
  readonly keys?: Readonly<Record<string, readonly ProjectKey[]>>
}

/** Everything behind the edge, on a virtual clock. */
export function createCore(all: CoreGiven = {}) {
  const {
    types = [],
    journal = memoryJournal(),
    onFatal,
    random = () => 0.5,
    limits = {},
    keys = {},
    ...given
  } = all
  const { clock = new VirtualClock() } = all
  const registry = new Registry(types)
  const bus = new EventBus({ maxQueued: 1024, maxQueuedChars: 1024 * 1024 })
  const pool: WorkerPool = new WorkerPool({
    ...poolDefaults(),
    clock,
    concurrencyOf: (type) => registry.concurrencyOf(type),
    resourcesOf: (type) => registry.resourcesOf(type),
    work: ({ id }, signal) => run(id, signal),
    ended: ({ id }, outcome) => admission.transitions.ended(id, outcome),
    due: (id) => void admission.transitions.requeue(id),
    expired: (id) => void admission.transitions.expire(id),
    ...given,
  })
  const log = pino({ level: 'silent' })
  const resources = new Resources({
    limits: new Map(Object.entries(limits)),
    keys: new Map(Object.entries(keys)),
    clock,
    random,
    log,
    wake: (id) => void admission.transitions.requeue(id),
    opened: (name, isOpen) => pool.setResource(name, isOpen),
  })
  const estimator: WaitEstimator = new WaitEstimator({
    look: () => ({
      slots: pool.slots,
      isProcessing: pool.holds.size === 0,
      running: [...pool.runningIds].flatMap((id) => {
        const task = admission.recorder.live(id)
        return task?.startedAt == null ? [] : [{ type: task.type, startedAt: task.startedAt }]
      }),
      waiting: pool.waitingInOrder(),
      countOf: (priority) => pool.waitingOf(priority),
    }),
    concurrencyOf: (type) => registry.concurrencyOf(type),
    headStartMs: all.headStartMs ?? 0,
    now: clock.now,
    monotonic: clock.monotonic,
    random,
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
    clock,
    provenNow: clock.now,
    random,
    log,
    defaultTimeoutMs: 60_000,
    defaultAttempts: 3,
    onFatal:
      onFatal ??
      ((error) => {
        throw error
      }),
  })
  const run = createRunner(registry, {
    started: (id) => admission.transitions.started(id),
    report: (task, report) => admission.transitions.report(task, report),
    steps: createStepStore(admission.recorder, journal.steps),
    outputOf: (task) => readOutput(journal.tasks, task),
    fileOf: ({ spoolId }) => Promise.resolve(spoolId),
    acquire: async (name, acquire) => resources.find(name).acquire(acquire),
    clock,
    provenNow: clock.now,
    random,
  })
  const submit = (
    type: string,
    input: unknown = {},
    priority: Priority = 1,
    also: Partial<Submission> = {},
  ) => admission.submit({ ...BARE, type, input, priority, ...also })
  /** Submits, and gives the id of what must be accepted. */
  const submitId = async (
    type: string,
    input: unknown = {},
    priority: Priority = 1,
    also: Partial<Submission> = {},
  ) => {
    const reply = await submit(type, input, priority, also)
    if (reply.kind !== 'accepted') throw new Error(`not accepted: ${reply.kind}`)
    return reply.task.id
  }
  const eventsOf = async (id: string) => [...(await journal.tasks.eventsAfter(id, 0, 10_000))]
  return { clock, registry, bus, journal, pool, admission, resources, estimator, submit, submitId, eventsOf }
}

/** Takes over what an earlier process left in the journal, as a start does; returns the store of the counters. */
export async function recoverFrom(journal: Journal, core: ReturnType<typeof createCore>) {
  const { admission, pool, clock, estimator, resources } = core
  const log = pino({ level: 'silent' })
  const { counters } = admission
  const totals = new CounterStore({ notes: journal.notes, counters, resources, clock, log })
  await recover({ journal, admission, pool, totals, estimator, resources, log })
  return totals
}

export function memoryJournal(): Journal {
  return createMemoryJournal({ maxFinished: 100_000, maxFinishedBytes: 2 ** 30 })
}
