import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Database } from '../../src/cluster/database/database.ts'
import { CounterChanges } from '../../src/cluster/journal/counters.ts'
import { toNewTaskRow } from '../../src/cluster/journal/rows.ts'
import { writeEntries, writeNewTasks } from '../../src/cluster/journal/write-entries.ts'
import { isKnownFetch, type HeldTicket, type Tickets } from '../../src/cluster/tickets.ts'
import { Exchange, type Claimed, type ExchangeDeps } from '../../src/cluster/worker/exchange.ts'
import { exchangeAtOnce } from '../../src/cluster/worker/one-trip.ts'
import type { EndedRun } from '../../src/cluster/worker/run.ts'
import { defineTask } from '../../src/index.ts'
import { Registry } from '../../src/handler/registry.ts'
import { NOT_DUE } from '../../src/journal/journal.ts'
import { toStart } from '../../src/lifecycle/settlement.ts'
import { placeAfter, toTaskEvent, type EventBody } from '../../src/task/event.ts'
import { failure } from '../../src/task/failure.ts'
import type { Outcome } from '../../src/task/outcome.ts'
import { changeTask, type NewTask, type Task, type TaskChange } from '../../src/task/task.ts'
import { COMPLETED, NO_HEADLINE, sampleTask } from '../support/tasks.ts'
import { openQueue } from '../support/cluster-order.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'

const programs = postgresPrograms()
const NOW = 1_700_000_000_000
const MEMBER = 7
const idOf = (index: number) => `0199c0de-0000-7000-8000-${String(index).padStart(12, '0')}`
const NASTY = JSON.stringify({ nul: '\u0000', lone: '\ud800', key: '"attempt":9' })
const FAILED: Outcome = { kind: 'failed', failure: failure('input_rejected', 'nul \u0000') }
const ENDS: readonly Outcome[] = [
  { kind: 'completed', result: NASTY, headline: { ...NO_HEADLINE, title: '漢字' } },
  FAILED,
  { kind: 'timeout', limitMs: 1000 },
]

function createRegistry(concurrency?: number): Registry {
  const limit = concurrency === undefined ? {} : { concurrency }
  return new Registry([defineTask({ type: 'sample', input: z.unknown(), run: () => null, ...limit })])
}

describe.skipIf(programs === undefined)('an exchange of one statement', () => {
  const postgres = usePostgres(programs)

  async function open({ prepares = true, concurrency }: { prepares?: boolean; concurrency?: number } = {}) {
    const url = await postgres.newDatabase()
    const { db, tickets } = await openQueue(url, { connections: 4, prepares })
    const registry = createRegistry(concurrency)
    const deps: ExchangeDeps = {
      tickets,
      registry,
      member: MEMBER,
      clock: { now: () => NOW, monotonic: () => 50 },
      weightOf: null,
      pausedGroups: () => [],
      maxRunningPerCaller: Infinity,
    }
    const add = (index: number, given: Partial<NewTask> = {}) =>
      db.transaction(async (tx) => {
        const created = sampleTask({ id: idOf(index), createdAt: NOW - 40, priority: 1, ...given })
        const task = { ...created, lastSeq: 1 }
        const event = toTaskEvent(task, { type: 'queued', ...placeAfter(0) }, NOW)
        await writeNewTasks(tx, [toNewTaskRow(task, event, { rank: index, ticket: 100 - index })])
        await tickets.insert(tx, [{ id: task.id, priority: 100 - index, startAfter: null }])
        const counters = new CounterChanges(MEMBER)
        counters.accept(task)
        await counters.flush(tx)
        return task
      })
    const write = (task: Task, change: TaskChange, body: EventBody) =>
      db.transaction(async (tx) => {
        const next = changeTask(task, change)
        const counters = new CounterChanges(MEMBER)
        const entry = { task: next, event: toTaskEvent(next, body, NOW) }
        expect((await writeEntries({ tx, counters, member: MEMBER }, [entry])).size).toBe(1)
        await counters.flush(tx)
        return next
      })
    const inTransaction = async (
      ended: readonly EndedRun[],
      free: number,
      left: readonly HeldTicket[] = [],
    ) =>
      db.transaction(async (tx) => {
        const exchange = new Exchange(tx, deps)
        await exchange.perform(ended, free, left)
        return exchange
      })
    const atOnce = async (ended: readonly EndedRun[], free: number) => {
      const trip = await exchangeAtOnce(db, deps, { ended, free })
      if (trip === null) throw new Error('the exchange was not a usual one')
      return trip
    }
    return { db, tickets, deps, add, write, inTransaction, atOnce }
  }

  const toEnded = ({ task, ticket }: Claimed, outcome: Outcome, hasSteps = true): EndedRun => ({
    run: {
      id: task.id,
      run: task.run,
      ticket,
      startedAt: 20,
      task,
      guard: null,
      reports: Promise.resolve(),
      isLost: false,
      hasSteps,
    },
    outcome,
  })

  /** Everything that an exchange writes. */
  async function dump(db: Database) {
    const tasks = await db.query<{ state: string; status: string; member: number | null }>(
      `SELECT id, status, priority, run, last_seq, finished_at, state, error_type, message, member
        FROM headgate.tasks ORDER BY id`,
    )
    return {
      tasks: tasks.map((row) => ({ ...row, state: JSON.parse(row.state) as unknown })),
      events: await db.query('SELECT * FROM headgate.events ORDER BY task_id, seq'),
      results: await db.query('SELECT * FROM headgate.results ORDER BY id'),
      steps: await db.query('SELECT * FROM headgate.steps ORDER BY task_id'),
      deliveries: await db.query('SELECT id, next_at FROM headgate.deliveries ORDER BY id'),
      counters: await db.query('SELECT * FROM headgate.counters WHERE count <> 0 ORDER BY name, priority'),
      jobs: await db.query(
        'SELECT id::text, state::text, priority, retry_count FROM pgboss.job ORDER BY priority DESC',
      ),
    }
  }

  /** The counters are the numbers of rows. */
  async function expectCounted(db: Database) {
    const counted = await db.query(
      `SELECT name, priority, sum(count)::integer AS count FROM headgate.counters
        GROUP BY name, priority HAVING sum(count) <> 0 ORDER BY name, priority`,
    )
    const rows = await db.query(
      `SELECT status AS name, priority, count(*)::integer AS count FROM headgate.tasks
        GROUP BY status, priority ORDER BY status, priority`,
    )
    expect(counted).toEqual(rows)
  }

  test.each([
    [true, true],
    [true, false],
    [false, true],
  ])('it writes what a transaction writes (prepared: %s, steps: %s)', async (prepares, hasSteps) => {
    const written = []
    for (const form of ['inTransaction', 'atOnce'] as const) {
      const given = await open({ prepares })
      const perform = given[form]
      for (const index of [1, 2, 3, 4, 5]) {
        await given.add(index, { input: NASTY, metadata: { text: NASTY }, priority: index === 2 ? 3 : 1 })
        if (!hasSteps) continue
        await given.db.query('INSERT INTO headgate.steps VALUES ($1, $2, $3, 1)', [idOf(index), 'step', '1'])
        await given.db.query(
          `INSERT INTO headgate.deliveries VALUES ($1, $2, 'local', 'http://127.0.0.1', NULL, 0, $3)`,
          [`msg_${index}`, idOf(index), NOT_DUE],
        )
      }
      const first = await perform([], 3)
      const ended = first.claimed.map((claimed, index) =>
        toEnded(claimed, ENDS[index] ?? COMPLETED, hasSteps),
      )
      const second = await perform(ended, 3)
      await expectCounted(given.db)
      const third = await perform(
        second.claimed.map((claimed) => toEnded(claimed, COMPLETED, hasSteps)),
        0,
      )
      await expectCounted(given.db)
      const exchanges = [first, second, third].map(({ entries, claimed }) => ({ entries, claimed }))
      written.push({ exchanges, rows: await dump(given.db) })
    }
    expect(written[0]?.exchanges[0]?.claimed.map(({ task }) => task.id)).toEqual([1, 2, 3].map(idOf))
    expect(written[1]).toEqual(written[0])
  })

  test('an outcome over a version that is not the newest is left to a transaction, with its ticket', async () => {
    const { db, add, write, atOnce, inTransaction } = await open()
    for (const index of [1, 2, 3]) await add(index)
    const { claimed } = await atOnce([], 2)
    await write(claimed[0]?.task as Task, { status: 'cancelling' }, { type: 'cancelling' })
    const ended = claimed.map((each) => toEnded(each, COMPLETED))
    const trip = await atOnce(ended, 1)
    expect(trip.undecided).toEqual([ended[0]])
    expect(trip.entries.map(({ task }) => [task.id, task.status])).toEqual([
      [idOf(2), 'completed'],
      [idOf(3), 'running'],
    ])
    expect((await dump(db)).jobs).toMatchObject([{ id: idOf(1) }, { id: idOf(3) }])
    const { entries, refused } = await inTransaction(trip.undecided, 0)
    expect([entries[0]?.task.status, refused]).toEqual(['cancelled', []])
    expect((await dump(db)).jobs).toMatchObject([{ id: idOf(3) }])
    // The same outcomes once more, as after a reply that was lost.
    const again = await atOnce(ended, 0)
    expect([again.entries, again.undecided]).toEqual([[], ended])
    expect((await inTransaction(ended, 0)).refused).toEqual(ended)
    await expectCounted(db)
  })

  test('a fence is compared with what another process commits while the statement waits for it', async () => {
    const { db, tickets, add, atOnce } = await open()
    for (const index of [1, 2, 3, 4]) await add(index)
    const { claimed } = await atOnce([], 2)
    const ended = claimed.map((each) => toEnded(each, COMPLETED))
    const waits = async () => {
      const sql = `SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE NOT granted AND datname = current_database()`
      await expect.poll(async () => (await db.query(sql)).length).toBe(1)
    }
    const { trip } = await db.transaction(async (tx) => {
      await tickets.lock(tx, [idOf(1)])
      await tx.query(`UPDATE headgate.tasks SET status = 'cancelling', last_seq = 3 WHERE id = $1`, [idOf(1)])
      await tx.query(`UPDATE headgate.tasks SET type = 'unknown' WHERE id = $1`, [idOf(3)])
      const asked = atOnce(ended, 2)
      await waits()
      return { trip: asked }
    })
    const { undecided, entries, left } = await trip
    expect(undecided).toEqual([ended[0]])
    expect(entries.map(({ task }) => [task.id, task.status])).toEqual([
      [idOf(2), 'completed'],
      [idOf(4), 'running'],
    ])
    expect(left.map(({ id }) => id)).toEqual([idOf(3)])
    const { tasks, jobs } = await dump(db)
    expect(tasks.map(({ status, member }) => [status, member])).toEqual([
      ['cancelling', MEMBER],
      ['completed', null],
      ['queued', MEMBER],
      ['running', MEMBER],
    ])
    expect(jobs.map(({ id }) => id)).toEqual([1, 3, 4].map(idOf))
  })

  test('what cannot start at once is held, not started, and gets its look in a transaction', async () => {
    const { db, tickets, add, write, atOnce, inTransaction } = await open()
    await db.transaction((tx) => tickets.insert(tx, [{ id: idOf(1), priority: 99, startAfter: null }]))
    const interrupted = await add(2)
    await write(interrupted, toStart(interrupted, NOW, 0).change, { type: 'started', attempt: 1 })
    await add(3, { startDeadlineAt: NOW - 1 })
    await add(4, { notBefore: NOW - 1 })
    await add(5, { type: 'unknown' })
    await add(6)
    const before = await add(7)
    const begun = await write(before, toStart(before, NOW, 0).change, { type: 'started', attempt: 1 })
    await write(
      begun,
      { status: 'queued', attempt: 0, startedAt: null },
      { type: 'queued', ...placeAfter(0) },
    )
    const { claimed, left } = await atOnce([], 7)
    expect(claimed.map(({ task }) => task.id)).toEqual([idOf(6)])
    expect(left.map(({ id }) => id).toSorted()).toEqual([1, 2, 3, 4, 5, 7].map(idOf))
    // A process that ends here gives back what it holds, also of tasks that have not started.
    const held = await db.transaction((tx) => tickets.heldBy(tx, MEMBER))
    expect(held.map(({ id }) => id).toSorted()).toEqual([2, 3, 4, 5, 6, 7].map(idOf))
    const exchange = await inTransaction([], 0, left)
    expect([...exchange.unknownTypes]).toEqual(['unknown'])
    expect(exchange.entries.map(({ task, event }) => [task.id, event.type])).toEqual([
      [idOf(2), 'queued'],
      [idOf(3), 'error'],
      [idOf(4), 'queued'],
      [idOf(2), 'started'],
      [idOf(4), 'started'],
      [idOf(7), 'started'],
    ])
    const { tasks, jobs } = await dump(db)
    expect(tasks).toMatchObject([
      { run: 2, status: 'running', member: MEMBER, state: { interruptions: 1, attempt: 1 } },
      { status: 'expired' },
      { status: 'running', run: 1 },
      { status: 'queued', run: 0 },
      { status: 'running', run: 1 },
      { status: 'running', run: 2, state: { attempt: 1, interruptions: 0 } },
    ])
    expect(jobs).toMatchObject([
      { id: idOf(2), state: 'active' },
      { id: idOf(4), state: 'active' },
      { id: idOf(5), state: 'created' },
      { id: idOf(6), state: 'active' },
      { id: idOf(7), state: 'active' },
    ])
    await expectCounted(db)
  })

  test('a ticket that another process has taken meanwhile is not used', async () => {
    const { db, tickets, add, atOnce, inTransaction } = await open()
    await add(1, { notBefore: NOW - 1 })
    const { left } = await atOnce([], 1)
    await db.transaction((tx) => tickets.giveBack(tx, left))
    const taken = await db.transaction((tx) => tickets.fetch(tx, 1))
    expect((await inTransaction([], 0, left)).entries).toEqual([])
    expect((await inTransaction([], 0, taken)).claimed).toHaveLength(1)
  })

  test('exchanges of several processes at once start each task once, and every end is written once', async () => {
    const { db, add, atOnce } = await open()
    const all = Array.from({ length: 120 }, (_, index) => index + 1)
    for (const index of all) await add(index)
    const started: string[] = []
    const lane = async () => {
      for (let ended: readonly EndedRun[] = [], isOver = false; !isOver;) {
        const { claimed, undecided, left } = await atOnce(ended, 3)
        expect([undecided, left]).toEqual([[], []])
        started.push(...claimed.map(({ task }) => task.id))
        ended = claimed.map((each) => toEnded(each, COMPLETED))
        isOver = claimed.length === 0
      }
    }
    await Promise.all([lane(), lane(), lane(), lane()])
    expect(started.toSorted()).toEqual(all.map(idOf))
    const { events, jobs } = await dump(db)
    expect([events.length, jobs]).toEqual([360, []])
    await expectCounted(db)
  })

  test('limits, pauses, webhooks, and outcomes that are no ends go into a transaction', async () => {
    const { db, deps, add, atOnce } = await open()
    await add(1)
    await add(2, { webhook: { url: 'http://127.0.0.1', secret: null } })
    const isUsual = async (changed: Partial<ExchangeDeps>, ended: readonly EndedRun[] = []) =>
      (await exchangeAtOnce(db, { ...deps, ...changed }, { ended, free: 0 })) !== null
    const { claimed } = await atOnce([], 2)
    const [one, two] = claimed as [Claimed, Claimed]
    const wait = { reason: 'retry_backoff', failure: null, until: NOW, resource: null } as const
    expect(await isUsual({}, [toEnded(one, { kind: 'waits', wait })])).toBe(false)
    expect(await isUsual({}, [toEnded(one, { kind: 'cancelled' })])).toBe(false)
    expect(await isUsual({}, [toEnded(one, { kind: 'interrupted' })])).toBe(false)
    expect(await isUsual({}, [toEnded(one, COMPLETED), toEnded(one, COMPLETED)])).toBe(false)
    expect(await isUsual({}, [toEnded(two, COMPLETED)])).toBe(false)
    expect(await isUsual({ maxRunningPerCaller: 1 }, [toEnded(one, COMPLETED)])).toBe(false)
    expect(await isUsual({ registry: createRegistry(1) }, [toEnded(one, COMPLETED)])).toBe(false)
    const claims = (changed: Partial<ExchangeDeps>) =>
      exchangeAtOnce(db, { ...deps, ...changed }, { ended: [], free: 1 })
    expect(await claims({ pausedGroups: () => [{ type: 'sample', caller: null }] })).toBe(null)
    expect(await claims({ registry: createRegistry(1) })).toBe(null)
    expect((await dump(db)).tasks).toMatchObject([{ status: 'running' }, { status: 'running' }])
  })

  test('the text of pg-boss is taken only while it is the one that was tried', async () => {
    const { tickets, db, deps } = await open()
    expect(await tickets.fetchText(3)).toMatch(/LIMIT 3\s+FOR UPDATE OF j SKIP LOCKED/)
    const changed = { fetchText: () => Promise.resolve(null) } as unknown as Tickets
    expect(await exchangeAtOnce(db, { ...deps, tickets: changed }, { ended: [], free: 1 })).toBe(null)
    const text = (await tickets.fetchText(2)) ?? ''
    expect(isKnownFetch(text, 2)).toBe(true)
    expect(isKnownFetch(text, 3)).toBe(false)
    expect(isKnownFetch(text.replace('NOT j.blocked', 'true'), 2)).toBe(false)
  })
})
