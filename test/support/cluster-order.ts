import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { LOCK_AND_COUNT } from '../../src/cluster/admission/known.ts'
import { PlaceGroup, type GroupDeps } from '../../src/cluster/admission/place-group.ts'
import type { WeightOf } from '../../src/cluster/admission/turns.ts'
import { Database } from '../../src/cluster/database/database.ts'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { TaskChanges } from '../../src/cluster/task-changes.ts'
import { Tickets } from '../../src/cluster/tickets.ts'
import type { Claimed } from '../../src/cluster/worker/exchange.ts'
import { Exchanger } from '../../src/cluster/worker/exchanger.ts'
import { Registry } from '../../src/handler/registry.ts'
import { PLAIN } from '../../src/http/routes/submit/read-submission.ts'
import { defineTask } from '../../src/index.ts'
import type { Priority } from '../../src/task/priority.ts'
import { systemClock } from '../../src/time/clock.ts'
import { COMPLETED } from './tasks.ts'

export const WORKERS = 4

/** Of a worker: nothing holds tasks back but their order. */
export const NO_LIMITS = {
  clock: systemClock,
  pausedGroups: () => [],
  maxRunningPerCaller: Infinity,
}

const SUBMISSION = { ...PLAIN, type: 'sample', input: null, key: null } as const

/** Admission and workers over an empty database. */
export async function openOrder(
  url: string,
  { weightOf, headStartMs }: { readonly weightOf: WeightOf | null; readonly headStartMs: number },
) {
  const { db, tickets } = await openQueue(url, { connections: WORKERS + 3 })
  let count = 0
  const deps = {
    tickets,
    estimator: { newcomer: () => null, arrivals: { add: () => undefined } },
    member: 1,
    bounds: { weightOf, headStartMs, maxQueuedPerCaller: Infinity, maxParked: null },
    defaults: { timeoutMs: 1000, attempts: 1 },
    nextId: () => `0199c0de-0000-7000-8000-${(count += 1).toString(16).padStart(12, '0')}`,
    capacity: () => 1_000_000,
    refuse: () => {
      throw new Error('nothing is refused here')
    },
  } as unknown as GroupDeps
  const type = defineTask({ type: 'sample', input: z.unknown(), run: () => null })
  const registry = new Registry([type])
  /** In one transaction, as one group, at this instant of the database; the reply is ids, and how many are ahead of each. */
  const submit = async (
    wanted: readonly { caller: string; priority?: Priority; delayMs?: number }[],
    now?: number,
  ) => {
    const newcomers = wanted.map(({ caller, priority = 1, delayMs = 0 }) => ({
      type,
      content: null,
      key: null,
      submission: { ...SUBMISSION, caller, priority, delayMs },
    }))
    const admit = async () =>
      db.transaction(
        (tx, first) =>
          new PlaceGroup(tx, now === undefined ? first : toInstant(first, now), deps).admit(newcomers, false),
        LOCK_AND_COUNT,
      )
    const { replies } = await admit()
    return replies.map((reply) => {
      if (reply.kind !== 'accepted') throw new Error(reply.kind)
      return { id: reply.task.id, ahead: reply.place.tasksAhead }
    })
  }
  const exchangers = Array.from(
    { length: WORKERS },
    (_, index) => new Exchanger({ ...NO_LIMITS, db, tickets, registry, weightOf, member: index + 1 }),
  )
  let held: readonly Claimed[] = []
  /** The next task, by one worker after the other; the one before has ended. */
  const take = async (turn: number) => {
    for (;;) {
      const exchanger = exchangers[turn % WORKERS]
      const exchanged = await exchanger?.perform(held.map(toEnded), 1)
      held = exchanged?.claimed ?? []
      const isOver = exchanged?.isPartial !== true && exchanged?.hasTickets !== true
      if (held.length > 0 || isOver) return held[0]?.task
    }
  }
  const publisher = { committed: () => undefined } as never
  const changes = new TaskChanges({
    db,
    tickets,
    publisher,
    member: 1,
    headStartMs,
    weightOf,
    now: Date.now,
  })
  return { db, submit, take, exchangers, changes }
}

/** What an admission reads with its lock, at another instant. */
function toInstant(
  [locked = [], ...rest]: Parameters<Parameters<Database['transaction']>[0]>[1],
  now: number,
) {
  return [locked.map((row) => ({ ...row, now })), ...rest]
}

/** The tables and tickets of an empty database, closed with the test. */
export async function openQueue(
  url: string,
  { connections, prepares = true }: { readonly connections: number; readonly prepares?: boolean },
) {
  const db = new Database({ url, connections, prepares, onError: () => undefined })
  await migrate(db)
  const tickets = new Tickets({ url, onError: () => undefined })
  await tickets.start()
  onTestFinished(async () => {
    await tickets.stop()
    await db.close()
  })
  return { db, tickets }
}

export function toEnded({ task, ticket }: Claimed) {
  const reports = Promise.resolve()
  const about = { id: task.id, run: task.run, ticket, startedAt: performance.now(), task }
  return { run: { ...about, guard: null, reports, isLost: false, hasSteps: false }, outcome: COMPLETED }
}
