import { pino } from 'pino'
import { Feed } from '../../src/feed/feed.ts'
import type { TaskType } from '../../src/handler/define-task.ts'
import { Registry } from '../../src/handler/registry.ts'
import { createRunner } from '../../src/handler/runner.ts'
import { Intake } from '../../src/intake/intake.ts'
import { createStepStore } from '../../src/intake/record/steps.ts'
import type { Journal } from '../../src/journal/journal.ts'
import { createMemoryJournal } from '../../src/journal/memory/memory-journal.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import { WorkerPool } from '../../src/pool/worker-pool.ts'
import { Spool } from '../../src/spool/spool.ts'
import type { Priority } from '../../src/task/priority.ts'
import { VirtualClock } from './virtual-clock.ts'

/** A submit that names nothing but its type, input and priority. */
const BARE = {
  upload: null,
  metadata: null,
  webhook: null,
  caller: 'local',
  key: null,
  dedupe: null,
  isForced: false,
}

export interface CoreGiven extends Partial<PoolOptions> {
  readonly types?: readonly TaskType[]
  readonly journal?: Journal
  readonly onFatal?: (error: unknown) => void
}

/** Everything behind the edge, on a virtual clock. */
export function createCore({ types = [], journal = memoryJournal(), onFatal, ...given }: CoreGiven = {}) {
  const clock = new VirtualClock()
  const registry = new Registry(types)
  const feed = new Feed({ maxQueued: 1024, maxQueuedChars: 1024 * 1024 })
  const pool: WorkerPool = new WorkerPool({
    slots: 1,
    capacity: 100,
    maxStuck: 1,
    graceMs: 10_000,
    clock,
    concurrencyOf: (type) => registry.concurrencyOf(type),
    work: (task, signal) => run(task, signal),
    ended: (task, outcome) => intake.runs.ended(task, outcome),
    ...given,
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
    clock,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
    defaultTimeoutMs: 60_000,
    onFatal:
      onFatal ??
      ((error) => {
        throw error
      }),
  })
  const run = createRunner(registry, {
    started: (task) => intake.runs.started(task),
    report: (task, report) => intake.runs.report(task, report),
    steps: createStepStore(intake.recorder, journal.steps),
    fileOf: ({ spoolId }) => Promise.resolve(spoolId),
    clock,
  })
  const submit = (type: string, input: unknown = {}, priority: Priority = 1) =>
    intake.submit({ ...BARE, type, input, priority })
  /** Submits, and gives the id of what must be accepted. */
  const submitId = async (type: string, input: unknown = {}, priority: Priority = 1) => {
    const reply = await submit(type, input, priority)
    if (reply.kind !== 'accepted') throw new Error(`not accepted: ${reply.kind}`)
    return reply.task.id
  }
  const eventsOf = async (id: string) => [...(await journal.tasks.eventsAfter(id, 0, 10_000))]
  return { clock, registry, feed, journal, pool, intake, submit, submitId, eventsOf }
}

export function memoryJournal(): Journal {
  return createMemoryJournal({ maxFinished: 100_000, maxFinishedBytes: 2 ** 30 })
}
