import { describe, expect, test } from 'vitest'
import { createPostgresJournal } from '../../src/cluster/journal/postgres-journal.ts'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { MIGRATIONS } from '../../src/cluster/database/schema.ts'
import { actsOn } from '../journal/acts.ts'
import { journalConformance } from '../journal/conformance.ts'
import { openDatabase } from '../support/cluster.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'

const programs = postgresPrograms()

describe.skipIf(programs === undefined)('the journal on PostgreSQL', () => {
  const postgres = usePostgres(programs)
  const open = async () => {
    const database = openDatabase(await postgres.newDatabase())
    await migrate(database)
    return createPostgresJournal(database, 1)
  }
  journalConformance('postgres', open)

  test('six processes may make the tables at once; a newer schema is refused', async () => {
    const url = await postgres.newDatabase()
    const databases = Array.from({ length: 6 }, () => openDatabase(url))
    await Promise.all(databases.map((database) => migrate(database)))
    const [database] = databases
    if (database === undefined) throw new Error('none')
    const rows = await database.query('SELECT version FROM headgate.schema_version')
    expect(rows).toEqual([{ version: MIGRATIONS.length }])
    await database.query('UPDATE headgate.schema_version SET version = version + 1')
    await expect(migrate(database)).rejects.toMatchObject({ code: 'journal-too-new' })
  })

  test('two processes that append to one task leave no gap, and overwrite nothing', async () => {
    const url = await postgres.newDatabase()
    const databases = [openDatabase(url), openDatabase(url)] as const
    await migrate(databases[0])
    const [one, two] = databases.map((database, index) => createPostgresJournal(database, index + 1))
    if (one === undefined || two === undefined) throw new Error('none')
    const { admit, start } = actsOn(one)
    const id = (await start(await admit({ id: 'a' }))).id
    const writeAll = async (journal: typeof one, name: string) => {
      const { append } = actsOn(journal)
      for (let count = 0; count < 50;) {
        const newest = await journal.tasks.find(id)
        if (newest === undefined) throw new Error('gone')
        const message = `${name} ${count}`
        const left = [...newest.left, count]
        count += await append(newest, { type: 'log', message, level: 'info' }, { left }).then(
          () => 1,
          (error: { code: string }) =>
            error.code === 'stale-run' ? 0 : Promise.reject(error as unknown as Error),
        )
      }
    }
    await Promise.all([writeAll(one, 'one'), writeAll(two, 'two')])
    const events = await two.tasks.eventsAfter(id, 0, 1000)
    expect(events.map((event) => event.seq)).toEqual(Array.from({ length: 102 }, (_, index) => index + 1))
    const messages = events.flatMap((event) => (event.type === 'log' ? [event.message] : []))
    for (const name of ['one', 'two'])
      expect(messages.filter((message) => message.startsWith(name))).toEqual(
        Array.from({ length: 50 }, (_, count) => `${name} ${count}`),
      )
    expect((await one.tasks.find(id))?.left).toHaveLength(100)
  })
})
