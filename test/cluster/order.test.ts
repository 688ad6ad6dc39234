import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { Database } from '../../src/cluster/database/database.ts'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { refreshStatistics } from '../../src/cluster/database/statistics.ts'
import { CounterChanges } from '../../src/cluster/journal/counters.ts'
import { toNewTaskRow } from '../../src/cluster/journal/rows.ts'
import { writeNewTasks } from '../../src/cluster/journal/write-entries.ts'
import { toTicketPriority } from '../../src/cluster/admission/order.ts'
import { Tickets } from '../../src/cluster/tickets.ts'
import type { Claimed } from '../../src/cluster/worker/exchange.ts'
import { Exchanger } from '../../src/cluster/worker/exchanger.ts'
import { defineTask } from '../../src/index.ts'
import { Registry } from '../../src/handler/registry.ts'
import { placeAfter, toTaskEvent } from '../../src/task/event.ts'
import type { Priority } from '../../src/task/priority.ts'
import { COMPLETED, sampleTask } from '../support/tasks.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'

const programs = postgresPrograms()
/** `npm run test:cluster-kill` makes it 100 000. */
const TASKS = Number(process.env['ORDER_TASKS'] ?? 1500)
const WORKERS = 4
const SLOTS = 3

/** One claim: no task may stand before one that a claim took which had ended before it began. */
interface Claim {
  readonly beganAt: number
  readonly endedAt: number
  /** Of its tasks; the highest goes first. */
  readonly tickets: readonly number[]
}

describe.skipIf(programs === undefined)('the order in which workers claim', () => {
  const postgres = usePostgres(programs)

  async function open() {
    const url = await postgres.newDatabase()
    const db = new Database({ url, connections: WORKERS + 1, prepares: true, onError: () => undefined })
    await migrate(db)
    const tickets = new Tickets({ url, onError: () => undefined })
    await tickets.start()
    onTestFinished(async () => {
      await tickets.stop()
      await db.close()
    })
    return { db, tickets }
  }

  test(
    `${WORKERS} workers start ${TASKS} tasks of four levels without an inversion`,
    { timeout: 60_000 + TASKS * 10 },
    async () => {
      const { db, tickets } = await open()
      const ticketOf = await fill(db, tickets)
      const registry = new Registry([defineTask({ type: 'sample', input: z.unknown(), run: () => null })])
      const claims: Claim[] = []
      const work = async (member: number) => {
        const exchanger = new Exchanger({
          db,
          tickets,
          registry,
          member,
          now: Date.now,
          monotonic: () => performance.now(),
          pausedGroups: () => [],
          concurrencyOf: () => Infinity,
          maxRunningPerCaller: Infinity,
        })
        let held: readonly Claimed[] = []
        do {
          const beganAt = performance.now()
          const { claimed } = await exchanger.perform(held.map(toEnded), SLOTS)
          const claimedTickets = claimed.map(({ task }) => ticketOf.get(task.id) ?? NaN)
          claims.push({ beganAt, endedAt: performance.now(), tickets: claimedTickets })
          held = claimed
        } while (held.length > 0)
      }
      await Promise.all(Array.from({ length: WORKERS }, (_, index) => work(index + 1)))
      expect(claims.reduce((sum, claim) => sum + claim.tickets.length, 0)).toBe(TASKS)
      expect(countInversions(claims)).toBe(0)
      // What the check would find: the same claims in another order.
      const reversed = claims.map((claim, index) => ({
        ...claim,
        tickets: claims.at(-1 - index)?.tickets ?? [],
      }))
      expect(countInversions(reversed)).toBeGreaterThan(TASKS / 2)
      const [left] = await db.query(
        `SELECT (SELECT count(*)::integer FROM pgboss.job) AS tickets,
          (SELECT sum(count)::integer FROM headgate.counters WHERE name = 'completed') AS completed`,
      )
      expect(left).toEqual({ tickets: 0, completed: TASKS })
    },
  )
})

/** Tasks of random levels; the reply is the ticket of each. */
async function fill(db: Database, tickets: Tickets): Promise<ReadonlyMap<string, number>> {
  const random = seededRandom(7)
  const ticketOf = new Map<string, number>()
  for (let first = 0; first < TASKS; first += 500) {
    await db.transaction(async (tx) => {
      const counters = new CounterChanges(1)
      const rows = Array.from({ length: Math.min(500, TASKS - first) }, (_, index) => {
        const rank = first + index + 1
        const id = `0199c0de-0000-7000-8000-${rank.toString(16).padStart(12, '0')}`
        const priority = Math.floor(random() * 4) as Priority
        const task = { ...sampleTask({ id, priority, createdAt: 1 }), lastSeq: 1 }
        const ticket = toTicketPriority(rank, priority, 0)
        ticketOf.set(id, ticket)
        counters.accept(task)
        return toNewTaskRow(task, toTaskEvent(task, { type: 'queued', ...placeAfter(0) }, 1), {
          rank,
          ticket,
        })
      })
      await writeNewTasks(tx, rows)
      await tickets.insert(
        tx,
        rows.map(({ id, ticket: priority }) => ({ id, priority, startAfter: null })),
      )
      await counters.flush(tx)
    })
  }
  await refreshStatistics(db)
  return ticketOf
}

function toEnded({ task, ticket }: Claimed) {
  const reports = Promise.resolve()
  const about = { id: task.id, run: task.run, ticket, startedAt: performance.now(), task }
  return { run: { ...about, guard: null, reports, isLost: false }, outcome: COMPLETED }
}

/** Tasks that were claimed although one behind them had been claimed before. */
function countInversions(claims: readonly Claim[]): number {
  const byEnd = claims.toSorted((a, b) => a.endedAt - b.endedAt)
  let [next, lowest, count] = [0, Infinity, 0]
  for (const { beganAt, tickets } of claims.toSorted((a, b) => a.beganAt - b.beganAt)) {
    for (; (byEnd[next]?.endedAt ?? Infinity) < beganAt; next += 1) {
      lowest = Math.min(lowest, ...(byEnd[next]?.tickets ?? []))
    }
    count += tickets.filter((ticket) => ticket > lowest).length
  }
  return count
}
