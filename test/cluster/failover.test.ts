import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../support/cluster.ts'
import { toDirect } from '../support/pgbouncer.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { ROOT, startProcess } from '../support/process.ts'
import { clientOf } from '../support/server.ts'

const programs = postgresPrograms()

describe.skipIf(programs === undefined)(
  'while the address leads to a PostgreSQL that can only be read',
  () => {
    const postgres = usePostgres(programs)

    test('steps wait for the primary, and no attempt is lost', async () => {
      const url = toDirect(await postgres.newDatabase())
      const name = new URL(url).pathname.slice(1)
      const { url: address } = await startProcess({
        DATABASE_URL: url,
        TASKS_FILE: join(ROOT, 'test/cluster/tasks.ts'),
        BUILTIN_TASKS: 'none',
      })
      const client = clientOf(address)
      const id = (await client.post('/stepping', {})).body['task_id'] as string
      const db = openDatabase(await postgres.server.database('beside'))
      /** As a standby is, and as after its promotion: connections are new. */
      const setReadOnly = async (isReadOnly: boolean) => {
        await db.query(`ALTER DATABASE "${name}" SET default_transaction_read_only = ${isReadOnly}`)
        await db.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
      }
      await expect.poll(async () => (await client.get(`/api/tasks/${id}`)).body['status']).toBe('running')
      await setTimeout(500)
      await setReadOnly(true)
      await setTimeout(1000)
      expect((await client.post('/echo', { n: 1 })).status).toBe(503)
      await setReadOnly(false)
      const task = await client.ended(id)
      expect(task).toMatchObject({ status: 'completed', attempt: 1, interruptions: 0, result: { sum: 435 } })
      expect((await client.post('/echo', { n: 1 })).status).toBe(202)
    })
  },
)
