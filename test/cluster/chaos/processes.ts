import { join } from 'node:path'
import { openDatabase } from '../../support/cluster.ts'
import type { usePostgres } from '../../support/postgres.ts'
import { ROOT, startProcess } from '../../support/process.ts'

const OWNER = 'plain'

/** Processes over a database of their own, whose role has no more rights than docs/cluster.md names. */
export async function createCluster(postgres: ReturnType<typeof usePostgres>, main?: string) {
  const admin = await postgres.newDatabase()
  const db = openDatabase(admin)
  const url = new URL(admin)
  url.username = OWNER
  await db.query(`DO $$ BEGIN CREATE ROLE ${OWNER} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$`)
  await db.query(`ALTER DATABASE "${url.pathname.slice(1)}" OWNER TO ${OWNER}`)
  const start = (role: 'web' | 'worker', name: string, more: Record<string, string> = {}, build = main) =>
    startProcess(
      {
        DATABASE_URL: url.href,
        ROLE: role,
        WORKER_NAME: name,
        TASKS_FILE: join(build ?? join(ROOT, 'src/main.ts'), '../../test/cluster/tasks.ts'),
        BUILTIN_TASKS: 'none',
        STOP_WAIT_SECONDS: '0',
        UPLOAD_RETENTION_HOURS: '0',
        ANALYSIS_QUEUE_MAX_SIZE: '10000',
        RATE_LIMIT_PER_MINUTE: '0',
        ...more,
      },
      build,
    )
  const count = async (sql: string) =>
    db.query<{ count: number }>(`SELECT count(*)::integer AS count FROM ${sql}`).then(
      ([row]) => row?.count ?? 0,
      () => Infinity,
    )
  return {
    db,
    start,
    /** Of a table, with or without a condition; Infinity: the database is away. */
    count,
    unfinished: () => count('headgate.tasks WHERE finished_at IS NULL'),
    /** From now on no hint reaches anybody. */
    loseHints: () => db.query(`REVOKE EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) FROM PUBLIC`),
    passHints: () => db.query(`GRANT EXECUTE ON FUNCTION pg_catalog.pg_notify(text, text) TO PUBLIC`),
    /** As if the heartbeats of a worker had come to an end long ago; the reply is what it held. */
    lapse: (name: string) =>
      db.query<{ id: string }>(
        `UPDATE pgboss.job SET heartbeat_on = heartbeat_on - interval '1 minute' FROM headgate.tasks
          JOIN headgate.members ON members.id = tasks.member
          WHERE members.name = $1 AND tasks.id = job.id::text AND job.state = 'active' RETURNING tasks.id`,
        [name],
      ),
  }
}
