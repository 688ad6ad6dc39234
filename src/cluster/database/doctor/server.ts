import type { Finding } from '../../../journal/finding.ts'
import type { Statements } from '../database.ts'
import type { Pooling } from '../pooling.ts'

export interface CheckOptions {
  readonly pooling: Pooling
  /** DATABASE_CONNECTIONS */
  readonly connections: number
  /** Epoch ms. */
  readonly now: () => number
}

/** The oldest release that is tried. */
const OLDEST = 13
/** Connections of a process beside DATABASE_CONNECTIONS: two for tickets and one that listens. */
const MORE_CONNECTIONS = 3
/** As at the start of a process. */
const MAX_SKEW_MS = 2000

interface ServerRow extends Record<string, unknown> {
  readonly version: string
  readonly isStandby: boolean
  readonly unsafe: string | null
  readonly standbys: string
  readonly autovacuum: string
}

/** Its release, and whether what it confirms is on a disk. */
export async function lookAtServer(db: Statements): Promise<readonly Finding[]> {
  const [row] = await db.query<ServerRow>(
    `SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS "isStandby",
        current_setting('synchronous_standby_names') AS standbys, current_setting('autovacuum') AS autovacuum,
        CASE 'off' WHEN current_setting('fsync') THEN 'fsync'
          WHEN current_setting('synchronous_commit') THEN 'synchronous_commit'
          WHEN current_setting('full_page_writes') THEN 'full_page_writes' END AS unsafe`,
  )
  if (row === undefined) return []
  const { version, isStandby, unsafe, standbys, autovacuum } = row
  const isOld = Number.parseInt(version) < OLDEST
  const replicas = standbys === '' ? 'no synchronous standby' : `synchronous standbys: ${standbys}`
  return [
    {
      about: 'version',
      detail: `PostgreSQL ${version}`,
      ...(isOld && { fix: `Take PostgreSQL ${OLDEST} or newer.` }),
    },
    {
      about: 'role',
      detail: isStandby ? 'a standby, which can only be read' : `the primary, ${replicas}`,
      ...(isStandby && { fix: 'DATABASE_URL: the address of the primary.' }),
    },
    {
      about: 'durability',
      detail: unsafe === null ? 'a commit is on the disk' : `${unsafe} = off: what is confirmed can be lost`,
      ...(unsafe !== null && { fix: `Set ${unsafe} = on in postgresql.conf, or for the role.` }),
    },
    ...(autovacuum === 'on'
      ? []
      : [{ about: 'autovacuum', detail: 'off: tables grow for ever', fix: 'Set autovacuum = on.' }]),
  ]
}

/** Where a session is not one, what it would set is set for the role. */
export async function lookAtSessions(db: Statements, { pooling }: CheckOptions): Promise<readonly Finding[]> {
  if (pooling.kind !== 'transaction') return []
  const rows = await db.query<{ name: string; setting: string; user: string }>(
    `SELECT name, setting, current_user AS user FROM pg_settings
      WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout') ORDER BY name`,
  )
  return rows.map(({ name, setting, user }) => {
    const about = 'timeouts'
    if (setting !== '0') return { about, detail: `${name} is ${setting} ms` }
    const value = name === 'statement_timeout' ? '4500ms' : '3s'
    const fix = `ALTER ROLE ${user} SET ${name} = '${value}'; then restart the pooler.`
    return { about, detail: `${name} is 0, and a pooler is between`, fix }
  })
}

interface ConnectionsRow extends Record<string, unknown> {
  readonly most: number
  readonly used: number
  readonly members: number
}

/** Whether another process finds connections. */
export async function lookAtConnections(
  db: Statements,
  { connections, pooling }: CheckOptions,
): Promise<readonly Finding[]> {
  const [row] = await db.query<ConnectionsRow>(
    `SELECT least(current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
          nullif((SELECT datconnlimit FROM pg_database WHERE datname = current_database()), -1),
          nullif((SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), -1)) AS most,
        (SELECT count(*)::integer FROM pg_stat_activity WHERE backend_type = 'client backend') AS used`,
  )
  if (row === undefined) return []
  const needed = pooling.kind === 'transaction' ? 1 : connections + MORE_CONNECTIONS
  const left = row.most - row.used
  const detail = `${row.used} of ${row.most} connections are used; each process has up to ${needed}`
  const about = 'connections'
  if (left >= needed) return [{ about, detail: `${detail}: room for ${Math.floor(left / needed)} more` }]
  const fix =
    'Raise max_connections, lower DATABASE_CONNECTIONS, or put PgBouncer between in its transaction mode.'
  return [{ about, detail, fix }]
}

export async function lookAtClock(db: Statements, { now }: CheckOptions): Promise<readonly Finding[]> {
  const before = now()
  const [row] = await db.query<{ now: number }>(
    `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`,
  )
  // The reply was made at some time in between.
  const skewMs = Math.round((before + now()) / 2 - (row?.now ?? before))
  const finding = { about: 'clock', detail: `${skewMs} ms from that of PostgreSQL` }
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return [finding]
  return [{ ...finding, fix: 'Let both machines take their time from NTP.' }]
}
