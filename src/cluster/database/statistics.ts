import type { Database } from './database.ts'
import { inOneProcess } from './in-one-process.ts'

/** Tables whose plans depend on how much waits. */
const TABLES = ['pgboss.job_common', 'headgate.tasks']
/** Below this number of tasks every plan is a good one. */
const FEW = 100
/** A table is looked at again when it holds this many times what PostgreSQL takes it for. */
const OUTGROWN = 4
/** Of the lock that lets one process through. */
const LOCK = 421_577

/**
 * Tells PostgreSQL that a queue has filled up. Plans are kept, and one that was made while the tables were empty reads
 * all that waits for each ticket; autovacuum looks at tables once a minute.
 */
export async function refreshStatistics(db: Database): Promise<void> {
  const outgrown = await findOutgrown(db)
  if (outgrown.length === 0) return
  await inOneProcess(db, LOCK, async (tx) => {
    for (const table of outgrown) await tx.query(`ANALYZE ${table}`)
  })
}

async function findOutgrown(db: Database): Promise<readonly string[]> {
  const rows = await db.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name,
        (SELECT sum(count) AS count FROM headgate.counters
          WHERE name IN ('queued', 'scheduled', 'waiting', 'running', 'cancelling')) AS unfinished
      WHERE unfinished.count > ${FEW}
        AND unfinished.count > ${OUTGROWN} * (SELECT reltuples FROM pg_class WHERE oid = name::regclass)`,
    [TABLES],
  )
  return rows.map(({ name }) => name)
}
