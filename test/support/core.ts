import { PLAIN } from '../../src/http/routes/submit/read-submission.ts'
import { pino } from 'pino'
import { EventBus } from '../../src/events/event-bus.ts'
import type { TaskType } from '../../src/handler/define-task.ts'
import { Registry } from '../../src/handler/registry.ts'
import { createQueue, type QueueDeps } from '../../src/app/create-queue.ts'
import { recover } from '../../src/app/recovery.ts'
import { CounterStore } from '../../src/lifecycle/saved-counters.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { createMemoryJournal } from '../../src/journal/memory/memory-journal.ts'
import type { PoolBounds, PoolDeps } from '../../src/pool/pool-options.ts'
import { FolderStore } from '../../src/uploads/folder-store.ts'
import type { Priority } from '../../src/task/priority.ts'
import type { Submission } from '../../src/admission/submission.ts'
import type { ProjectKey } from '../../src/resource/key-pool.ts'
import type { ResourceLimits } from '../../src/task/resource.ts'
import { boundDefaults } from './pool.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A submit that names nothing but its type, input and priority. */
const BARE = { ...PLAIN, caller: 'local', key: null }

export interface CoreGiven extends Partial<PoolBounds>, Partial<Omit<PoolDeps, 'clock'>> {
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
    onFatal = (error: unknown) => {
      throw error
    },
    random = () => 0.5,
    limits = {},
    keys = {},
    ...given
  } = all
  const { clock = new VirtualClock() } = all
  const registry = new Registry(types)
  const bus = new EventBus({ maxQueued: 1024, maxQueuedChars: 1024 * 1024 })
  const log = pino({ level: 'silent' })
  const deps = {
    registry,
    storage: { journal, uploadStore: new FolderStore('unused'), keepsUploads: false },
    bus,
    clock,
    random,
    log,
    bounds: { ...boundDefaults(), ...given },
    resources: { limits: new Map(Object.entries(limits)), keys: new Map(Object.entries(keys)) },
    defaults: { timeoutMs: 60_000, attempts: 3 },
    listeners: { webhookDue: () => undefined, fatal: onFatal },
  } satisfies QueueDeps
  const queue = createQueue(deps, given)
  const { admission } = queue
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
  return { ...queue, clock, registry, bus, journal, submit, submitId, eventsOf }
}

/** Takes over what an earlier process left in the journal, as a start does; returns the store of the counters. */
export async function recoverFrom(journal: Journal, core: ReturnType<typeof createCore>) {
  const { admission, lifecycle, pool, clock, estimator, resources } = core
  const log = pino({ level: 'silent' })
  const { counters } = lifecycle
  const totals = new CounterStore({ notes: journal.notes, counters, resources, clock, log })
  await recover({ journal, admission, lifecycle, pool, totals, estimator, resources, log })
  return totals
}

export function memoryJournal(): Journal {
  return createMemoryJournal({ maxFinished: 100_000, maxFinishedBytes: 2 ** 30 })
}
