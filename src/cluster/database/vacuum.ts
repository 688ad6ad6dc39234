import type { Statements } from './database.ts'

/** Dead tickets that a claim may have to step over; more of them only in a table that is larger by far. */
const FEW = 10_000
const SHARE = 0.01

/**
 * Removes what tickets leave behind. A claim reads an index from its beginning, where the tickets were that are gone: it
 * steps over all of them, which costs more than the claim itself when a hundred thousand are left. Autovacuum comes once a
 * minute, and not before a fifth of a table is dead: with a million tickets that wait, after a hundred thousand tasks.
 * Processes that come at once do not wait for each other.
 *
 * @returns whether many are left, as a transaction that began before, such as that of a backup, may still read them
 */
export async function vacuumTickets(db: Statements): Promise<boolean> {
  if (!(await hasManyDead(db))) return false
  // Of few dead rows in a large table the entries in its indexes would stay.
  await db.query('VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) pgboss.job_common')
  return hasManyDead(db)
}

async function hasManyDead(db: Statements): Promise<boolean> {
  const [row] = await db.query<{ dead: number; live: number }>(
    `SELECT pg_stat_get_dead_tuples(oid) AS dead, pg_stat_get_live_tuples(oid) AS live
      FROM pg_class WHERE oid = 'pgboss.job_common'::regclass`,
  )
  return row !== undefined && row.dead >= Math.max(FEW, row.live * SHARE)
}
