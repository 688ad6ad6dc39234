import { describe, expect, onTestFinished, test } from 'vitest'
import { Client } from 'pg'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { Listener, sendHints, type Hint } from '../../src/cluster/hints/hints.ts'
import { Publisher } from '../../src/cluster/hints/publisher.ts'
import { EventBus } from '../../src/events/event-bus.ts'
import { toTaskEvent } from '../../src/task/event.ts'
import { Tickets } from '../../src/cluster/tickets.ts'
import { openDatabase } from '../support/cluster.ts'
import { sampleTask } from '../support/tasks.ts'
import { VirtualClock } from '../support/virtual-clock.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'

const programs = postgresPrograms()
const idOf = (index: number) => `0199c0de-0000-7000-8000-${String(index).padStart(12, '0')}`

describe.skipIf(programs === undefined)('tickets', () => {
  const postgres = usePostgres(programs)
  const open = async () => {
    const url = await postgres.newDatabase()
    const database = openDatabase(url)
    await migrate(database)
    const tickets = new Tickets({ url, onError: () => undefined })
    await tickets.start()
    onTestFinished(() => tickets.stop())
    return { database, tickets }
  }

  test('the highest goes first, of equal ones the first; a delayed one when it is due', async () => {
    const { database, tickets } = await open()
    const add = (index: number, priority: number, startAfter: number | null = null) =>
      database.transaction((tx) => tickets.insert(tx, [{ id: idOf(index), priority, startAfter }]))
    await add(1, 0)
    await add(2, 2 ** 31 - 1)
    await add(3, -(2 ** 31))
    await add(4, 5, Date.now() + 600)
    await add(5, 0)
    const take = () => database.transaction((tx) => tickets.fetch(tx, 1))
    const taken = [await take(), await take(), await take(), await take(), await take()]
    expect(taken.flat().map(({ id }) => id)).toEqual([idOf(2), idOf(1), idOf(5), idOf(3)])
    await expect.poll(take).toEqual([{ id: idOf(4), retryCount: 0 }])
  })

  test('a ticket that was given back comes again, and its holder of before is fenced off', async () => {
    const { database, tickets } = await open()
    await database.transaction((tx) => tickets.insert(tx, [{ id: idOf(1), priority: 0, startAfter: null }]))
    const take = () => database.transaction((tx) => tickets.fetch(tx, 3))
    const first = await take()
    expect([...(await tickets.touch(first))]).toEqual([idOf(1)])
    await database.transaction((tx) => tickets.giveBack(tx, first))
    expect(await take()).toEqual([{ id: idOf(1), retryCount: 1 }])
    expect([...(await tickets.touch(first))]).toEqual([])
    await database.transaction((tx) => tickets.remove(tx, [idOf(1)]))
    expect(await take()).toEqual([])
  })

  test('what is rolled back has not happened', async () => {
    const { database, tickets } = await open()
    const insert = database.transaction(async (tx) => {
      await tickets.insert(tx, [{ id: idOf(1), priority: 0, startAfter: null }])
      throw new Error('rolled back')
    })
    await expect(insert).rejects.toThrow()
    expect(await database.transaction((tx) => tickets.fetch(tx, 1))).toEqual([])
  })
})

describe.skipIf(programs === undefined)('tickets whose holder is silent', () => {
  const postgres = usePostgres(programs)

  test('they come again, once, and those of others stay', async () => {
    const url = await postgres.newDatabase()
    const db = openDatabase(url)
    await migrate(db)
    const tickets = new Tickets({ url, onError: () => undefined })
    await tickets.start()
    onTestFinished(() => tickets.stop())
    const all = Array.from({ length: 300 }, (_, index) => ({
      id: idOf(index),
      priority: -index,
      startAfter: null,
    }))
    await db.transaction((tx) => tickets.insert(tx, all))
    const take = (count: number) => db.transaction((tx) => tickets.fetch(tx, count))
    const held = await take(3)
    await db.query('ANALYZE pgboss.job_common')
    await tickets.giveBackSilent(db)
    expect(await take(1)).toEqual([{ id: idOf(3), retryCount: 0 }])
    await db.query(
      `UPDATE pgboss.job SET heartbeat_on = now() - interval '11 seconds' WHERE id = ANY ($1::uuid[])`,
      [held.slice(0, 2).map(({ id }) => id)],
    )
    await Promise.all([tickets.giveBackSilent(db), tickets.giveBackSilent(db)])
    expect((await take(3)).toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
      { id: idOf(0), retryCount: 1 },
      { id: idOf(1), retryCount: 1 },
      { id: idOf(4), retryCount: 0 },
    ])
  })
})

describe.skipIf(programs === undefined)('statements and hints', () => {
  const postgres = usePostgres(programs)

  test('what is sent at the end of a transaction is committed with it, or fails it', async () => {
    const db = openDatabase(await postgres.newDatabase())
    await db.query('CREATE TABLE numbers (n integer PRIMARY KEY)')
    const read = async () => (await db.query('SELECT n FROM numbers ORDER BY n')).map(({ n }) => n as number)
    const rows = await db.transaction(
      async (tx, first) => {
        tx.send('INSERT INTO numbers VALUES ($1)', [1])
        tx.send('INSERT INTO numbers VALUES ($1)', [2])
        // A statement that is waited for takes those before it along.
        const [row] = await tx.query('SELECT count(*)::integer AS count FROM numbers')
        tx.send('INSERT INTO numbers VALUES ($1)', [3])
        return [row, ...first]
      },
      ['SELECT 7 AS seven'],
    )
    expect(rows).toEqual([{ count: 2 }, [{ seven: 7 }]])
    expect(await read()).toEqual([1, 2, 3])
    const fails = db.transaction(async (tx) => {
      tx.send('INSERT INTO numbers VALUES ($1)', [4])
      tx.send('INSERT INTO numbers VALUES ($1)', [1])
    })
    await expect(fails).rejects.toMatchObject({ code: '23505' })
    const throws = db.transaction(async (tx) => {
      tx.send('INSERT INTO numbers VALUES ($1)', [5])
      throw new Error('not this one')
    })
    await expect(throws).rejects.toThrow('not this one')
    expect(await read()).toEqual([1, 2, 3])
  })

  test('statements that come one after another have a connection of their own, where there are several', async () => {
    const url = await postgres.newDatabase()
    const pidOf = async (db: ReturnType<typeof openDatabase>) =>
      (await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]?.pid
    const db = openDatabase(url, 4)
    const lane = db.takeLane()
    const all = async () => Promise.all(Array.from({ length: 12 }, () => pidOf(db)))
    const [own, others] = [await pidOf(lane), new Set(await all())]
    expect(others.size).toBe(3)
    expect(others).not.toContain(own)
    expect(new Set([await pidOf(lane), await pidOf(lane)])).toEqual(new Set([own]))
    const few = openDatabase(url, 2)
    expect(few.takeLane()).toBe(few)
  })

  async function openPublisher() {
    const url = await postgres.newDatabase()
    const clock = new VirtualClock()
    const bus = new EventBus({ maxQueued: 100, maxQueuedChars: 10_000 })
    const publisher = new Publisher({ db: openDatabase(url), bus, clock })
    const listener = new Client(url)
    onTestFinished(() => listener.end())
    await listener.connect()
    for (const channel of ['headgate', 'headgate_events']) await listener.query(`LISTEN ${channel}`)
    const hints: Hint[] = []
    listener.on('notification', ({ payload = '' }) => hints.push(JSON.parse(payload) as Hint))
    const commit = (index: number, seq = 2) => {
      const task = { ...sampleTask({ id: idOf(index) }), lastSeq: seq }
      publisher.committed([{ task, event: toTaskEvent(task, { type: 'started', attempt: 1 }, 0) }])
    }
    return { clock, publisher, hints, commit }
  }

  test('hints of events wait a little after the last ones, all others do not', async () => {
    const { clock, publisher, hints, commit } = await openPublisher()
    commit(1)
    await expect.poll(() => hints).toEqual([{ kind: 'tasks', ids: [idOf(1)] }])
    commit(2)
    commit(3)
    publisher.hasWork()
    await expect.poll(() => hints.slice(1)).toEqual([{ kind: 'work' }])
    clock.advance(10)
    await expect.poll(() => hints.slice(2)).toEqual([{ kind: 'tasks', ids: [idOf(2), idOf(3)] }])
    commit(4)
    // At a stop nothing is kept back.
    await publisher.whenSent()
    await expect.poll(() => hints.slice(3)).toEqual([{ kind: 'tasks', ids: [idOf(4)] }])
  })

  test('hints of events that come without a pause are sent less often; first events have none', async () => {
    const { clock, publisher, hints, commit } = await openPublisher()
    let index = 0
    /** Whether events are hinted when this time has passed. */
    const isSentAfter = async (ms: number) => {
      const before = hints.length
      commit((index += 1))
      clock.advance(ms)
      publisher.hasControls()
      await expect.poll(() => hints.slice(before)).toContainEqual({ kind: 'controls' })
      return hints.slice(before).some(({ kind }) => kind === 'tasks')
    }
    const sent = []
    for (const ms of [0, 9, 1, 19, 1, 39, 1, 39, 1, 80, 9, 1]) sent.push(await isSentAfter(ms))
    expect(sent).toEqual(
      [true, false, true, false, true, false, true, false, true].concat([true, false, true]),
    )
    const before = hints.length
    await publisher.whenSent()
    commit(100, 1)
    await publisher.whenSent()
    publisher.hasWork()
    await expect.poll(() => hints.slice(before)).toContainEqual({ kind: 'work' })
    expect(hints.slice(before).flatMap((hint) => ('ids' in hint ? hint.ids : []))).not.toContain(idOf(100))
  })

  test('hints of events reach those that listen for them, all others everybody', async () => {
    const url = await postgres.newDatabase()
    const listen = async (hasEvents: boolean) => {
      const kinds: string[] = []
      const onHint = ({ kind }: Hint) => void kinds.push(kind)
      const listener = new Listener({
        url,
        clock: new VirtualClock(),
        hasEvents,
        onHint,
        onConnection: () => undefined,
      })
      onTestFinished(() => listener.stop())
      await listener.start()
      return kinds
    }
    const [all, few] = [await listen(true), await listen(false)]
    const db = openDatabase(url)
    await sendHints(db, [{ kind: 'tasks', ids: [idOf(1)] }, { kind: 'work' }])
    await sendHints(db, [{ kind: 'stop', ids: [idOf(1)] }])
    await expect.poll(() => few).toEqual(['work', 'stop'])
    await expect.poll(() => all).toEqual(['tasks', 'work', 'stop'])
  })
})
