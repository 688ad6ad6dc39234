import { afterAll, beforeAll } from 'vitest'
import { startPostgres, type PostgresServer } from './postgres-server.ts'

export { postgresPrograms } from './postgres-server.ts'

/** One server for the tests of a file. */
export function usePostgres(programs: string | undefined) {
  let server: PostgresServer | undefined
  let databases = 0
  beforeAll(async () => {
    if (programs !== undefined) server = await startPostgres(programs)
  })
  afterAll(() => server?.stop())
  const get = (): PostgresServer => {
    if (server === undefined) throw new Error('PostgreSQL does not run')
    return server
  }
  return {
    get server() {
      return get()
    },
    /** Address of an empty database. */
    newDatabase: () => get().database(`test_${(databases += 1)}`),
  }
}
