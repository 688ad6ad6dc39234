import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { forgetTurns } from '../../src/cluster/admission/turns.ts'
import { estimateAhead } from '../../src/cluster/members/estimate-place.ts'
import type { Database } from '../../src/cluster/database/database.ts'
import { refreshStatistics } from '../../src/cluster/database/statistics.ts'
import { CounterChanges } from '../../src/cluster/journal/counters.ts'
import { toNewTaskRow } from '../../src/cluster/journal/rows.ts'
import { writeNewTasks } from '../../src/cluster/journal/write-entries.ts'
import { toTicketPriority } from '../../src/cluster/admission/order.ts'
import type { Tickets } from '../../src/cluster/tickets.ts'
import type { Claimed } from '../../src/cluster/worker/exchange.ts'
import { Exchanger } from '../../src/cluster/worker/exchanger.ts'
import { defineTask } from '../../src/index.ts'
import { Registry } from '../../src/handler/registry.ts'
import { placeAfter, toTaskEvent } from '../../src/task/event.ts'
import type { Priority } from '../../src/task/priority.ts'
import type { Ticket } from '../../src/task/ticket.ts'
import { sampleTask, sampleTicket } from '../support/tasks.ts'
import { PriorityQueue } from '../../src/pool/order/priority-queue.ts'
import { NO_LIMITS, openOrder, openQueue, toEnded, WORKERS } from '../support/cluster-order.ts'
import { poolDefaults } from '../support/pool.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'

const programs = postgresPrograms()
/** `npm run test:cluster-kill` makes it 100 000. */
const TASKS = Number(process.env['ORDER_TASKS'] ?? 1500)
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

  test(
    `${WORKERS} workers start ${TASKS} tasks of four levels without an inversion`,
    { timeout: 60_000 + TASKS * 10 },
    async () => {
      const { db, tickets } = await openQueue(await postgres.newDatabase(), { connections: WORKERS + 1 })
      const ticketOf = await fill(db, tickets)
      const registry = new Registry([defineTask({ type: 'sample', input: z.unknown(), run: () => null })])
      const claims: Claim[] = []
      const work = async (member: number) => {
        const exchanger = new Exchanger({ ...NO_LIMITS, db, tickets, registry, member, weightOf: null })
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

describe.skipIf(programs === undefined)('callers that take turns', () => {
  const postgres = usePostgres(programs)

  async function open(weights: Readonly<Record<string, number>> = {}) {
    return openOrder(await postgres.newDatabase(), {
      weightOf: (caller) => weights[caller] ?? 1,
      headStartMs: 0,
    })
  }

  test('the order is that of a queue in one process', { timeout: 60_000 }, async () => {
    const weights: Record<string, number> = { a: 1, b: 1, c: 2, d: 0.5 }
    const { db, submit, take } = await open(weights)
    const local = new PriorityQueue({ ...poolDefaults(), weightOf: (caller) => weights[caller] ?? 1 })
    // Levels that are never empty: with the last task that has not ended all turns begin anew.
    const later = ([1, 2] as const).map((priority) => ({ caller: 'later', priority, delayMs: 1e9 }))
    await submit(later)
    const random = seededRandom(5)
    const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item
    let [count, compared] = [0, 0]
    for (let step = 0; step < 250; step += 1) {
      // More comes than goes, and then nothing more comes.
      if (step < 150 && random() < 0.65) {
        const caller = pick(['a', 'a', 'a', 'b', 'c', 'c', 'd'])
        const priority = pick([1, 1, 2] as const)
        const [{ id } = { id: '' }] = await submit([{ caller, priority }])
        local.put(sampleTicket({ id, caller, priority }), local.arrive())
        count += 1
        continue
      }
      const expected = local.take()?.ticket.id
      expect((await take(step))?.id, `step ${step}`).toBe(expected)
      if (expected !== undefined) compared += 1
      if (step % 20 === 0) await forgetTurns(db)
    }
    expect(compared).toBe(count)
  })

  test('4 workers share by weight, and one with 10 000 holds nobody back', { timeout: 120_000 }, async () => {
    const { submit, exchangers, db } = await open({ double: 2 })
    const heavy = Array.from({ length: 500 }, () => ({ caller: 'heavy' }))
    for (let group = 0; group < 20; group += 1) await submit(heavy)
    const others = (caller: string) => Array.from({ length: 400 }, () => ({ caller }))
    await submit(others('single'))
    await submit(others('double'))
    const [light] = await submit([{ caller: 'light' }])
    // The first of the three others came before it.
    expect(light?.ahead).toBe(3)
    await refreshStatistics(db)
    const started: string[] = []
    const work = async (exchanger: Exchanger) => {
      let held: readonly Claimed[] = []
      while (started.length < 401) {
        ;({ claimed: held } = await exchanger.perform(held.map(toEnded), SLOTS))
        started.push(...held.map(({ task }) => task.caller))
      }
    }
    await Promise.all(exchangers.map((exchanger) => work(exchanger)))
    // Claims under way at once may cross by a commit.
    expect(started.indexOf('light')).toBeLessThan(4 + WORKERS * SLOTS)
    const first = started.slice(0, 401)
    const of = (caller: string) => first.filter((each) => each === caller).length
    expect(of('light')).toBe(1)
    const tolerance = WORKERS * SLOTS
    for (const [caller, share] of [
      ['heavy', 100],
      ['single', 100],
      ['double', 200],
    ] as const)
      expect(Math.abs(of(caller) - share), `${caller}: ${of(caller)}`).toBeLessThan(tolerance)
    // Who comes into the long queues is among the next.
    const [late] = await submit([{ caller: 'late' }])
    expect(late?.ahead).toBeLessThan(4)
    const { claimed } = (await exchangers[0]?.perform([], 6)) ?? { claimed: [] }
    expect(claimed.map(({ task }) => task.id)).toContain(late?.id)
  })

  test('a task that was delayed, or moved, takes the turn of its caller', { timeout: 60_000 }, async () => {
    const { db, submit, take, changes } = await open()
    const ids = (await submit(['a', 'a', 'a', 'b'].map((caller) => ({ caller })))).map(({ id }) => id)
    const [a1, a2, a3, b1] = ids as [string, string, string, string]
    const delayed = await submit(['c', 'c', 'c'].map((caller) => ({ caller, delayMs: 1 })))
    await new Promise((resolve) => setTimeout(resolve, 20))
    const lifted = await submit([{ caller: 'a', priority: 0 }])
    await changes.change(lifted[0]?.id ?? '', (newest) => ({
      change: { priority: 1 },
      body: { type: 'moved', priority: 1, ...placeAfter(newest.priority) } as never,
    }))
    const order: string[] = []
    for (let turn = 0; turn < 8; turn += 1) order.push((await take(turn))?.id ?? '')
    const [c1, c2, c3] = delayed.map(({ id }) => id)
    expect(new Set(order.slice(0, 3))).toEqual(new Set([a1, b1, c1]))
    expect(new Set(order.slice(3, 5))).toEqual(new Set([a2, c2]))
    expect(new Set(order.slice(5, 7))).toEqual(new Set([a3, c3]))
    expect(order[7]).toBe(lifted[0]?.id)
    const [row] = await db.query(
      'SELECT sum(count)::integer AS count FROM headgate.counters WHERE name = $1',
      ['queued'],
    )
    expect(row).toEqual({ count: 0 })
  })
})

test.each([0, 60_000])(
  'a place far back is estimated as it is counted (head start: %i ms)',
  (headStartMs) => {
    const local = new PriorityQueue({ ...poolDefaults(), headStartMs, weightOf: null })
    const random = seededRandom(3)
    const all = Array.from({ length: 6000 }, (_, index) => {
      const priority = Math.floor(random() * 4) as Priority
      return sampleTicket({ id: `${index}`, priority, createdAt: 1_000_000 + index * 50 })
    })
    for (const ticket of all) local.put(ticket, local.arrive())
    const order = [...local.inOrder()]
    const rest = {
      listed: order.slice(0, 1000),
      newestCreatedAt: all.at(-1)?.createdAt ?? 0,
      waitingOf: (priority: Priority) => local.countOf(priority),
      headStartMs,
    }
    for (let place = 1000; place < order.length; place += 250) {
      const estimated = estimateAhead(order[place] as Ticket, rest)
      expect(Math.abs(estimated - place), `${place}: ${estimated}`).toBeLessThan(150)
    }
  },
)

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
