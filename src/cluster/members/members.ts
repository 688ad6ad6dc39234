import { hostname } from 'node:os'
import type { Database } from '../database/database.ts'

export type MemberKind = 'serve' | 'web' | 'worker'

export interface MemberOptions {
  /** Unique among all processes, and the same again after a restart. */
  readonly name: string
  readonly kind: MemberKind
  readonly version: string
  readonly slots: number
}

/** A process of the cluster, for operators: leases are with the tickets. */
export interface Member extends Record<string, unknown> {
  readonly id: number
  readonly name: string
  readonly kind: MemberKind
  readonly host: string
  readonly version: string
  readonly slots: number
  readonly busy: number
  readonly stuck: number
  /** Since its last report. */
  readonly silentMs: number
}

/** A member that has not reported for this long has no slots any more. */
const SILENT_MS = 12_000

/** Enters this process among the members; the reply is its number. */
export async function join(db: Database, { name, kind, version, slots }: MemberOptions): Promise<number> {
  const [row] = await db.query<{ id: number }>(
    `INSERT INTO headgate.members (name, kind, host, version, slots) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, host = excluded.host, version = excluded.version,
        slots = excluded.slots, busy = 0, stuck = 0, seen_at = clock_timestamp()
      RETURNING id`,
    [name, kind, hostname(), version, slots],
  )
  return row?.id ?? 0
}

export interface MemberReport {
  readonly slots: number
  readonly busy: number
  readonly stuck: number
}

export async function report(
  db: Database,
  member: number,
  { slots, busy, stuck }: MemberReport,
): Promise<void> {
  await db.query(
    'UPDATE headgate.members SET slots = $2, busy = $3, stuck = $4, seen_at = clock_timestamp() WHERE id = $1',
    [member, slots, busy, stuck],
  )
}

/** A stop in good order: its slots are gone at once. Its row stays, because its counters do. */
export async function leave(db: Database, member: number): Promise<void> {
  await db.query(
    `UPDATE headgate.members SET slots = 0, busy = 0, stuck = 0, seen_at = 'epoch' WHERE id = $1`,
    [member],
  )
}

export async function listMembers(db: Database): Promise<readonly Member[]> {
  return db.query<Member>(
    `SELECT id, name, kind, host, version, slots, busy, stuck,
        (extract(epoch FROM clock_timestamp() - seen_at) * 1000)::bigint AS "silentMs"
      FROM headgate.members WHERE seen_at > clock_timestamp() - make_interval(secs => ${SILENT_MS / 1000})
      ORDER BY name`,
  )
}
