import { describe, expect, onTestFinished, test } from 'vitest'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { Tickets } from '../../src/cluster/tickets.ts'
import { openDatabase } from '../support/cluster.ts'
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
