import { HeadgateError } from '../../task/errors.ts'
import type { Database } from './database.ts'
import { MIGRATIONS } from './schema.ts'

/** Any number; the same in every process that migrates. */
const LOCK = 4_215_770_031

/**
 * Makes the tables, or those that a newer version added. Several processes may call it at once: the others wait.
 * @throws HeadgateError `journal-too-new` where a newer version has migrated the database.
 */
export async function migrate(database: Database, steps: readonly string[] = MIGRATIONS): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
    await tx.query('CREATE SCHEMA IF NOT EXISTS headgate')
    await tx.query('CREATE TABLE IF NOT EXISTS headgate.schema_version (version integer NOT NULL)')
    const [row] = await tx.query<{ version: number }>('SELECT version FROM headgate.schema_version')
    const version = row?.version ?? 0
    if (version > steps.length) {
      const detail = `The schema headgate has version ${version}, this program knows ${steps.length}.`
      throw new HeadgateError('journal-too-new', detail)
    }
    for (const step of steps.slice(version)) {
      for (const statement of step.split(/;\s*$/m)) if (statement.trim() !== '') await tx.query(statement)
    }
    if (row === undefined) await tx.query('INSERT INTO headgate.schema_version VALUES ($1)', [steps.length])
    else if (version < steps.length) {
      await tx.query('UPDATE headgate.schema_version SET version = $1', [steps.length])
    }
  })
}
