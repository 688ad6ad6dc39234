import { afterAll, beforeAll } from 'vitest'
import { startPgBouncer, type PoolMode } from './pgbouncer.ts'
import { startPostgres, type PostgresServer } from './postgres-server.ts'
import { realPart } from './real-parts.ts'

export { postgresPrograms } from './postgres-server.ts'

/** `session` or `transaction`: the tests go through PgBouncer in this mode. */
const POOLER = process.env['CLUSTER_POOLER'] as PoolMode | undefined

/** One server for the tests of a file. */
export function usePostgres(programs: string | undefined) {
  let server: PostgresServer | undefined
  let pooler: Awaited<ReturnType<typeof startPgBouncer>> | undefined
  let databases = 0
  beforeAll(async () => {
    if (programs === undefined) return
    server = await startPostgres(programs)
    const program = POOLER === undefined ? undefined : realPart('pgbouncer')
    if (POOLER !== undefined && program !== undefined)
      pooler = await startPgBouncer(program, POOLER, server.port)
  })
  afterAll(async () => {
    await pooler?.stop()
    await server?.stop()
  })
  const get = (): PostgresServer => {
    if (server === undefined) throw new Error('PostgreSQL does not run')
    return server
  }
  return {
    get server() {
      return get()
    },
    /** Address of an empty database. */
    newDatabase: async () => {
      const url = await get().database(`test_${(databases += 1)}`)
      return pooler?.toPooled(url) ?? url
    },
  }
}
