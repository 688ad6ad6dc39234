import { pino } from 'pino'
import { describe, expect, test } from 'vitest'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { Publisher } from '../../src/cluster/hints/publisher.ts'
import { Housekeeping } from '../../src/cluster/housekeeping.ts'
import { CounterChanges, foldCounters } from '../../src/cluster/journal/counters.ts'
import { join, leave } from '../../src/cluster/members/members.ts'
import { refreshStatistics } from '../../src/cluster/database/statistics.ts'
import { createPostgresJournal } from '../../src/cluster/journal/postgres-journal.ts'
import { TaskChanges } from '../../src/cluster/task-changes.ts'
import { Tickets } from '../../src/cluster/tickets.ts'
import { EventBus } from '../../src/events/event-bus.ts'
import { actsOn } from '../journal/acts.ts'
import { openDatabase } from '../support/cluster.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const programs = postgresPrograms()
const idOf = (index: number) => `0199c0de-0000-7000-8000-${String(index).padStart(12, '0')}`
/** The database reports what is dead after a second. */
const WITHIN = { timeout: 20_000, interval: 100 }

describe.skipIf(programs === undefined)('statistics of tables that have grown', () => {
  const postgres = usePostgres(programs)

  test('a queue that fills up is analysed at once, by one process, and left alone while it is as large', async () => {
    const url = await postgres.newDatabase()
    const db = openDatabase(url, 8)
    await migrate(db)
    const tickets = new Tickets({ url, onError: () => undefined })
    await tickets.start()
    const journal = createPostgresJournal(db, 1)
    const { admit } = actsOn(journal)
    const read = async () => {
      const [row] = await db.query<{ rows: number }>(
        `SELECT reltuples::integer AS rows
          FROM pg_class WHERE oid = 'headgate.tasks'::regclass`,
      )
      return row
    }
    const fill = (count: number) => Promise.all(Array.from({ length: count }, () => admit({})))
    await fill(50)
    await refreshStatistics(db)
    expect((await read())?.rows).toBeLessThan(50)
    await fill(150)
    await Promise.all([refreshStatistics(db), refreshStatistics(db), refreshStatistics(db)])
    expect((await read())?.rows).toBe(200)
    await fill(100)
    await refreshStatistics(db)
    expect((await read())?.rows).toBe(200)
    await tickets.stop()
  })

  test('a plan that was made while little waited reads no whole table', async () => {
    const url = await postgres.newDatabase()
    const db = openDatabase(url, 8)
    await migrate(db)
    const tickets = new Tickets({ url, onError: () => undefined })
    await tickets.start()
    await db.transaction((tx) => tickets.insert(tx, [{ id: idOf(1), priority: 0, startAfter: null }]))
    await actsOn(createPostgresJournal(db, 1)).admit({})
    for (const table of ['pgboss.job_common', 'headgate.tasks', 'headgate.inputs'])
      await db.query(`VACUUM ANALYZE ${table}`)
    for (const text of [
      (await tickets.fetchText(3)) ?? '',
      `SELECT input FROM headgate.inputs WHERE id = 'a'`,
      `SELECT last_seq FROM headgate.tasks WHERE id = 'a' FOR UPDATE`,
    ]) {
      const plan = await db.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`)
      expect(plan.map((line) => line['QUERY PLAN']).join('\n')).not.toContain('Seq Scan')
    }
    await tickets.stop()
  })

  test('what tickets leave behind is removed before claims have to step over much of it', async () => {
    const url = await postgres.newDatabase()
    const db = openDatabase(url, 8)
    await migrate(db)
    const tickets = new Tickets({ url, onError: () => undefined })
    await tickets.start()
    // Not by its hand.
    await db.query('ALTER TABLE pgboss.job_common SET (autovacuum_enabled = off)')
    const clock = new VirtualClock()
    const [now, log] = [clock.now, pino({ enabled: false })]
    const publisher = new Publisher({ db, bus: new EventBus({ maxQueued: 10, maxQueuedChars: 1000 }), clock })
    const rules = { headStartMs: 0, weightOf: null }
    const changes = new TaskChanges({ db, tickets, publisher, member: 1, now, ...rules })
    const housekeeping = new Housekeeping({ db, changes, clock, log, hasTurns: false })
    housekeeping.start()
    const insert = (from: number, count: number) =>
      db.transaction((tx) =>
        tickets.insert(
          tx,
          Array.from({ length: count }, (_, index) => ({
            id: idOf(from + index),
            priority: -index,
            startAfter: null,
          })),
        ),
      )
    const work = async (count: number) => {
      const held = await db.transaction((tx) => tickets.fetch(tx, count))
      await db.transaction((tx) =>
        tickets.remove(
          tx,
          held.map(({ id }) => id),
        ),
      )
    }
    const read = async () => {
      clock.advance(1000)
      const [row] = await db.query<{ dead: number; isCleaned: boolean }>(
        `SELECT n_dead_tup AS dead, last_vacuum IS NOT NULL AS "isCleaned"
          FROM pg_stat_user_tables WHERE relid = 'pgboss.job_common'::regclass`,
      )
      return row
    }
    await insert(0, 6000)
    // Each leaves two rows: as it waited, and as it was held.
    await work(1000)
    await expect.poll(read, WITHIN).toEqual({ dead: 2000, isCleaned: false })
    await work(4500)
    await expect.poll(read, WITHIN).toEqual({ dead: 0, isCleaned: true })
    housekeeping.stop()
    await tickets.stop()
  })

  test('counters of members that are gone are added up while others count', async () => {
    const db = openDatabase(await postgres.newDatabase(), 8)
    await migrate(db)
    const kind = 'worker'
    const ids = []
    for (const name of ['one', 'two', 'three'])
      ids.push(await join(db, { name, kind, version: '1', slots: 1 }))
    const [one, two, three] = ids as [number, number, number]
    const count = async (member: number, name: string, by: number) => {
      const changes = new CounterChanges(member)
      changes.add(name, 1, by)
      await changes.flush(db)
    }
    const read = () => db.query('SELECT member, name, count FROM headgate.counters ORDER BY member, name')
    for (const id of ids) await count(id, 'completed', 10)
    await count(one, 'queued', 5)
    await count(two, 'queued', -5)
    await foldCounters(db)
    expect(await read()).toHaveLength(5)
    await leave(db, one)
    await leave(db, two)
    // One that was taken for gone still counts.
    const busy = Array.from({ length: 40 }, () => count(one, 'completed', 1))
    await Promise.all([...busy, foldCounters(db), foldCounters(db)])
    await foldCounters(db)
    expect(await read()).toEqual([
      { member: 0, name: 'completed', count: 60 },
      { member: 0, name: 'queued', count: 0 },
      { member: three, name: 'completed', count: 10 },
    ])
  })
})
