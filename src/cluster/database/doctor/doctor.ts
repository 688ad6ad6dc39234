import type { Finding } from '../../../journal/finding.ts'
import { Database } from '../database.ts'
import { detectPooling, type Pooling } from '../pooling.ts'
import { lookAtClock, lookAtConnections, lookAtServer, lookAtSessions } from './server.ts'
import { lookAtMembers, lookAtRights, lookAtTables } from './tables.ts'

export interface DoctorOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** The same database, for the connection that listens. */
  readonly listenUrl: string
  readonly prepares: boolean
  /** DATABASE_CONNECTIONS */
  readonly connections: number
  /** Epoch ms. */
  readonly now: () => number
}

const CHECKS = [
  lookAtServer,
  lookAtSessions,
  lookAtRights,
  lookAtTables,
  lookAtMembers,
  lookAtConnections,
  lookAtClock,
]

/** Looks at a database and changes nothing: each part that is sound, or not, and the way out. */
export async function diagnoseDatabase(options: DoctorOptions): Promise<readonly Finding[]> {
  const { url, listenUrl, prepares } = options
  const pooling = await reach('DATABASE_URL', url)
  if ('about' in pooling) return [pooling]
  const listening = listenUrl === url ? pooling : await reach('DATABASE_LISTEN_URL', listenUrl)
  const place = { about: 'address', detail: toPlace(url) }
  const findings: Finding[] = [place, ...judgePooling(pooling, listening, prepares)]
  const db = new Database({ url, connections: 1, prepares: false, onError: () => undefined })
  try {
    for (const check of CHECKS) {
      const found = await check(db, { ...options, pooling }).catch((error: unknown) => [toFinding(error)])
      findings.push(...found)
    }
  } finally {
    await db.close()
  }
  return findings
}

function toFinding(error: unknown): Finding {
  const { message } = error as Error
  return { about: 'database', detail: message, fix: 'Its log says more; then repeat headgate doctor.' }
}

async function reach(setting: string, url: string): Promise<Pooling | Finding> {
  try {
    return await detectPooling(url)
  } catch (error) {
    const detail = `${toPlace(url)} cannot be used: ${(error as Error).message}`
    const fix = `Check that PostgreSQL runs, that its pg_hba.conf lets this machine in, and the name, password and database of ${setting}.`
    return { about: 'address', detail, fix }
  }
}

/** Without the password. */
function toPlace(url: string): string {
  const { host, pathname, username } = new URL(url)
  return `postgres://${username === '' ? '' : `${username}@`}${host}${pathname}`
}

const KINDS = {
  direct: 'connections go to PostgreSQL itself',
  session: 'a pooler gives each client a connection of its own',
  transaction: 'a pooler gives each transaction another connection',
}

function judgePooling(
  { kind, keepsStatements }: Pooling,
  listening: Pooling | Finding,
  prepares: boolean,
): readonly Finding[] {
  const pooler: Finding = { about: 'pooler', detail: KINDS[kind] }
  const findings: Finding[] =
    prepares && !keepsStatements
      ? [{ ...pooler, fix: 'DATABASE_PREPARE=false: it knows no statements that were prepared before.' }]
      : [pooler]
  if ('about' in listening) return [...findings, listening]
  if (listening.kind !== 'transaction') return findings
  const detail = 'notifications and locks need a session, and this connection has none'
  const fix = 'DATABASE_LISTEN_URL: the address of PostgreSQL itself.'
  return [...findings, { about: 'listening', detail, fix }]
}
