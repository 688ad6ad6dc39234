import { postgresPrograms, startPostgres } from './postgres-server.ts'

/** One server of PostgreSQL for all files of a run; the processes of the tests find it in their environment. */
export default async function setup(): Promise<() => Promise<void>> {
  const programs = postgresPrograms()
  if (programs === undefined) throw new Error('npm run test:postgres needs PostgreSQL')
  const { port, stop } = await startPostgres(programs)
  process.env['TEST_POSTGRES'] = `postgres://headgate@127.0.0.1:${port}/postgres`
  return stop
}
