import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Database } from '../../src/cluster/database/database.ts'
import { detectPooling } from '../../src/cluster/database/pooling.ts'
import { startPgBouncer, toDirect, type PoolMode } from '../support/pgbouncer.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { ROOT, startProcess } from '../support/process.ts'
import { realPart } from '../support/real-parts.ts'
import { clientOf } from '../support/server.ts'

const programs = postgresPrograms()
const pgbouncer = realPart('pgbouncer')

describe.skipIf(programs === undefined || pgbouncer === undefined).each<PoolMode>(['session', 'transaction'])(
  'behind PgBouncer in its %s mode',
  (mode) => {
    const postgres = usePostgres(programs)
    let pooler: Awaited<ReturnType<typeof startPgBouncer>>
    beforeAll(async () => {
      pooler = await startPgBouncer(pgbouncer ?? '', mode, postgres.server.port)
    })
    afterAll(() => pooler.stop())
    const newDatabase = async () => pooler.toPooled(toDirect(await postgres.newDatabase()))
    const start = (url: string, role: 'web' | 'worker', more: Record<string, string>) =>
      startProcess({
        DATABASE_URL: url,
        ROLE: role,
        WORKER_NAME: role,
        TASKS_FILE: join(ROOT, 'test/cluster/tasks.ts'),
        BUILTIN_TASKS: 'none',
        STOP_WAIT_SECONDS: '0',
        ...more,
      })
    /** As somebody would set it: session mode needs nothing. */
    const settingsFor = (url: string): Record<string, string> =>
      mode === 'session'
        ? { DATABASE_LISTEN_URL: '', DATABASE_PREPARE: '' }
        : { DATABASE_LISTEN_URL: toDirect(url), DATABASE_PREPARE: 'false' }

    test('tasks run, and a worker that was killed has its name and its task again', async () => {
      const url = await newDatabase()
      const web = clientOf((await start(url, 'web', settingsFor(url))).url)
      const worker = await start(url, 'worker', settingsFor(url))
      const id = (await web.post('/slow', { ms: 1500, n: 7 })).body['task_id'] as string
      const progress = async () => (await web.get(`/api/tasks/${id}`)).body['progress'] as number
      await expect.poll(progress).toBeGreaterThan(0)
      await worker.end('SIGKILL')
      expect((await start(url, 'worker', settingsFor(url))).child.exitCode).toBeNull()
      const task = await web.ended(id)
      expect(task).toMatchObject({ status: 'completed', interruptions: 1, result: { n: 7 } })
      const other = (await web.post('/slow', { ms: 60_000 })).body['task_id'] as string
      const statusOf = async () => (await web.get(`/api/tasks/${other}`)).body['status'] as string
      await expect.poll(statusOf).toBe('running')
      await web.post(`/api/tasks/${other}/cancel`)
      expect(await web.ended(other)).toMatchObject({ status: 'cancelled' })
    })

    test('the mode is found, and sessions have their settings where there are sessions', async () => {
      const url = await newDatabase()
      expect(await detectPooling(toDirect(url))).toEqual({ kind: 'direct', keepsStatements: true })
      expect(await detectPooling(url)).toEqual({ kind: mode, keepsStatements: mode === 'session' })
      const timeoutAt = async (address: string, prepares: boolean) => {
        await using db = Object.assign(
          new Database({ url: address, connections: 1, prepares, onError: () => undefined }),
          { [Symbol.asyncDispose]: () => db.close() },
        )
        const [row] = await db.query<{ value: string }>(
          `SELECT current_setting('statement_timeout') AS value`,
        )
        return row?.value
      }
      expect(await timeoutAt(toDirect(url), true)).toBe('4500ms')
      expect(await timeoutAt(url, mode === 'session')).toBe(mode === 'session' ? '4500ms' : '0')
    })

    test.runIf(mode === 'transaction')(
      'without its settings a start is refused, and says which',
      async () => {
        const url = await newDatabase()
        const refusals = [
          [{ DATABASE_PREPARE: '', DATABASE_LISTEN_URL: '' }, /DATABASE_PREPARE=false/],
          [{ DATABASE_PREPARE: 'false', DATABASE_LISTEN_URL: '' }, /DATABASE_LISTEN_URL has to be/],
        ] as const
        for (const [settings, why] of refusals) {
          const refused = await start(url, 'web', settings)
          expect(await refused.exited).toBe(78)
          expect(refused.stderr()).toMatch(why)
        }
      },
    )
  },
)
