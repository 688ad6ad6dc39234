import type { KeptUpload, Pruned, RetentionJournal } from '../../journal/journal.ts'
import type { Database, Statements } from '../database/database.ts'

/** A piece of the retention ends after this many events: tasks with many are not erased a hundred at a time. */
const MAX_PIECE_ROWS = 2000

export function createRetention(db: Database): RetentionJournal {
  return { ...createErasing(db), ...createPruning(db) }
}

type Erasing = Pick<RetentionJournal, 'erase' | 'eraseEnded' | 'ownerOfErased' | 'pruneEvents'>

function createErasing(db: Database): Erasing {
  return {
    async erase(taskId, erasedAt) {
      const [erased] = await db.transaction((tx) => eraseTasks(tx, [taskId], erasedAt))
      return erased?.spool_id ?? null
    },
    async ownerOfErased(taskId) {
      const sql = 'SELECT caller FROM headgate.erased WHERE id = $1'
      return (await db.query<{ caller: string }>(sql, [taskId]))[0]?.caller
    },
    eraseEnded: (before, erasedAt, limit) =>
      db.transaction(async (tx): Promise<Pruned> => {
        const ids = await selectEnded(tx, { before, limit, hasEvents: null })
        const erased = await eraseTasks(tx, ids, erasedAt)
        return { tasks: erased.length, spoolIds: erased.flatMap((row) => row.spool_id ?? []) }
      }),
    pruneEvents: (before, limit) =>
      db.transaction(async (tx) => {
        const ids = await selectEnded(tx, { before, limit, hasEvents: true })
        if (ids.length === 0) return 0
        await tx.query(
          `DELETE FROM headgate.events USING headgate.tasks
            WHERE tasks.id = ANY ($1) AND task_id = tasks.id AND seq < last_seq`,
          [ids],
        )
        await tx.query('UPDATE headgate.tasks SET has_events = false WHERE id = ANY ($1)', [ids])
        return ids.length
      }),
  }
}

function createPruning(db: Database): Omit<RetentionJournal, keyof Erasing> {
  return {
    async endedUploads(before, limit) {
      const sql = `SELECT id AS "taskId", spool_id AS "spoolId" FROM headgate.tasks
        WHERE spool_id IS NOT NULL AND finished_at < $1 LIMIT ${limit}`
      return db.query<KeptUpload & Record<string, unknown>>(sql, [before])
    },
    async forgetUploads(taskIds) {
      await db.query('UPDATE headgate.tasks SET spool_id = NULL WHERE id = ANY ($1)', [taskIds])
    },
    async pruneMinutes(before, limit) {
      const oldest = `SELECT ctid FROM headgate.minutes WHERE minute < $1 ORDER BY minute LIMIT ${limit}`
      const sql = `DELETE FROM headgate.minutes WHERE ctid = ANY (ARRAY(${oldest})) RETURNING 1`
      return (await db.query(sql, [before])).length
    },
    async pruneTraces(expiredAt, erasedBefore, limit) {
      const expired = `SELECT ctid FROM headgate.keys WHERE expires_at <= $1 LIMIT ${limit}`
      const keys = await db.query(
        `DELETE FROM headgate.keys WHERE ctid = ANY (ARRAY(${expired})) AND expires_at <= $1 RETURNING 1`,
        [expiredAt],
      )
      const old = `SELECT id FROM headgate.erased WHERE at < $1 LIMIT ${limit}`
      const sql = `DELETE FROM headgate.erased WHERE id IN (${old}) RETURNING 1`
      return keys.length + (await db.query(sql, [erasedBefore])).length
    },
  }
}

interface Ended {
  readonly before: number
  readonly limit: number
  /** null: with and without. */
  readonly hasEvents: boolean | null
}

/** Ids of tasks that ended before, the longest ended first, that no other process erases now. */
async function selectEnded(tx: Statements, { before, limit, hasEvents }: Ended): Promise<readonly string[]> {
  const flags = hasEvents === null ? 'true, false' : `${hasEvents}`
  const rows = await tx.query<{ id: string; last_seq: number }>(
    `SELECT id, last_seq FROM headgate.tasks WHERE has_events IN (${flags}) AND finished_at < $1
      ORDER BY finished_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`,
    [before],
  )
  const ids: string[] = []
  let events = 0
  for (const { id, last_seq: count } of rows) {
    if (events > MAX_PIECE_ROWS) break
    ids.push(id)
    events += count
  }
  return ids
}

interface ErasedRow extends Record<string, unknown> {
  readonly id: string
  readonly spool_id: string | null
}

/** Erases those of the tasks that have ended, with all that was kept of them. */
async function eraseTasks(tx: Statements, ids: readonly string[], at: number): Promise<readonly ErasedRow[]> {
  const erased = await tx.query<ErasedRow>(
    `WITH gone AS (DELETE FROM headgate.tasks WHERE id = ANY ($1) AND finished_at IS NOT NULL
        RETURNING id, caller, spool_id),
      traces AS (INSERT INTO headgate.erased SELECT id, caller, $2::bigint FROM gone ON CONFLICT DO NOTHING)
      SELECT id, spool_id FROM gone`,
    [ids, at],
  )
  const gone = erased.map((row) => row.id)
  for (const table of ['inputs', 'results'])
    await tx.query(`DELETE FROM headgate.${table} WHERE id = ANY ($1)`, [gone])
  for (const table of ['events', 'deliveries'])
    await tx.query(`DELETE FROM headgate.${table} WHERE task_id = ANY ($1)`, [gone])
  return erased
}
