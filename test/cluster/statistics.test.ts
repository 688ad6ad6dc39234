import { describe, expect, test } from 'vitest'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { refreshStatistics } from '../../src/cluster/database/statistics.ts'
import { createPostgresJournal } from '../../src/cluster/journal/postgres-journal.ts'
import { Tickets } from '../../src/cluster/tickets.ts'
import { actsOn } from '../journal/acts.ts'
import { openDatabase } from '../support/cluster.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'

const programs = postgresPrograms()

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
})
