import type { Finding } from '../../../journal/finding.ts'
import { HeadgateError } from '../../../task/errors.ts'
import type { Database, Statements } from '../database.ts'
import { MIGRATIONS } from '../schema.ts'
import { listMembers } from '../../members/members.ts'
import { assertNoMove } from '../../move/move-note.ts'

const SCHEMAS = ['headgate', 'pgboss']
const MOVE_FIXES: Readonly<Record<string, string>> = {
  'move-unfinished': 'Repeat headgate move, to its end.',
  'journal-moved': 'Start over the folder: without DATABASE_URL, with its DATA_DIR.',
}

interface SchemaRow extends Record<string, unknown> {
  readonly name: string
  readonly isThere: boolean
  readonly mayUse: boolean
  readonly user: string
}

/** Whether the role may make the tables that are missing, and use those that are there. */
export async function lookAtRights(db: Statements): Promise<readonly Finding[]> {
  const rows = await db.query<SchemaRow>(
    `SELECT name, current_user AS user, to_regnamespace(name) IS NOT NULL AS "isThere",
        CASE WHEN to_regnamespace(name) IS NULL THEN has_database_privilege(current_database(), 'CREATE')
          ELSE pg_has_role((SELECT nspowner FROM pg_namespace WHERE nspname = name), 'USAGE') END AS "mayUse"
      FROM unnest($1::text[]) AS name`,
    [SCHEMAS],
  )
  return rows.map(({ name, user, isThere, mayUse }) => {
    const about = 'rights'
    if (mayUse) return { about, detail: `${user} ${isThere ? 'owns' : 'may make'} the schema ${name}` }
    if (isThere) {
      const fix = `Connect as the role that made it, or: GRANT that role TO ${user}.`
      return { about, detail: `the schema ${name} belongs to another role than ${user}`, fix }
    }
    const fix = `ALTER DATABASE … OWNER TO ${user}; or GRANT CREATE ON DATABASE … TO ${user}.`
    return { about, detail: `${user} may not make the schema ${name}`, fix }
  })
}

async function readVersion(db: Statements, table: string): Promise<number | undefined> {
  const [found] = await db.query<{ isThere: boolean }>(`SELECT to_regclass($1) IS NOT NULL AS "isThere"`, [
    table,
  ])
  if (found?.isThere !== true) return undefined
  return (await db.query<{ version: number }>(`SELECT version FROM ${table}`))[0]?.version
}

/** Migrations, and what a move has left. */
export async function lookAtTables(db: Database): Promise<readonly Finding[]> {
  const version = await readVersion(db, 'headgate.schema_version')
  const known = MIGRATIONS.length
  const about = 'tables'
  if (version === undefined) return [{ about, detail: 'there are none yet: the first start makes them' }]
  if (version > known) {
    const detail = `the schema headgate has version ${version}, this program knows ${known}`
    return [{ about, detail, fix: 'Install the version of Headgate that migrated it, or a newer one.' }]
  }
  const state = version < known ? `the next start makes it version ${known}` : 'as this program makes it'
  const boss = await readVersion(db, 'pgboss.version')
  return [
    {
      about,
      detail: `the schema headgate has version ${version}, ${state}; pgboss has version ${boss ?? 'none'}`,
    },
    ...(await lookAtMove(db)),
  ]
}

async function lookAtMove(db: Database): Promise<readonly Finding[]> {
  try {
    await assertNoMove(db)
    return []
  } catch (error) {
    const fix = error instanceof HeadgateError ? MOVE_FIXES[error.code] : undefined
    if (fix === undefined) throw error
    return [{ about: 'move', detail: (error as HeadgateError).message, fix }]
  }
}

/** Who works over the database now. */
export async function lookAtMembers(db: Database): Promise<readonly Finding[]> {
  if ((await readVersion(db, 'headgate.schema_version')) === undefined) return []
  const members = await listMembers(db)
  const names = members.map(({ name, kind, version }) => `${name} (${kind}, ${version})`)
  const [row] = await db.query<{ unfinished: number }>(
    'SELECT count(*)::integer AS unfinished FROM headgate.tasks WHERE finished_at IS NULL',
  )
  const versions = new Set(members.map(({ version }) => version))
  const detail = `${names.join(', ') || 'none'}; ${row?.unfinished ?? 0} tasks have not ended`
  const mixed = versions.size > 1 ? `; ${versions.size} versions` : ''
  return [{ about: 'processes', detail: `${detail}${mixed}` }]
}
