import { toCallerName, type KeyUse } from '../../admission/idempotency-keys.ts'
import type { QueryResultRow } from 'pg'
import type { KeyRecord } from '../../journal/journal.ts'
import { TASK_COLUMNS, toTask, type WholeTaskRow } from '../../journal/rows.ts'
import type { TaskStatus } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import { PRIORITIES, type Priority } from '../../task/priority.ts'
import type { Statements } from '../database/database.ts'
import type { Order } from './order.ts'

/** What an admission reads after it has the lock: statements of their own, since a snapshot is older than the lock it waited for. */

export interface Locked extends Order {
  /** The database's clock, epoch ms. */
  readonly now: number
}

const LOCK_ORDER = `SELECT base_ms, last_ranks::float8[] AS last_ranks,
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
  FROM headgate.admission_lock FOR UPDATE`

/**
 * Locks the admission until the end of the transaction, and reads how many tasks are unfinished: two statements, sent
 * with the beginning of the transaction.
 */
export const LOCK_AND_COUNT = [
  LOCK_ORDER,
  `SELECT name, priority, sum(count)::bigint AS count FROM headgate.counters
    WHERE name IN ('queued', 'scheduled', 'waiting', 'running', 'cancelling') GROUP BY name, priority`,
]

/** @param rows what the first statement of {@link LOCK_AND_COUNT} has returned */
export function toLocked(rows: readonly QueryResultRow[]): Locked {
  const [row] = rows as readonly { base_ms: number; last_ranks: number[]; now: number }[]
  if (row === undefined) throw new Error('headgate.admission_lock is empty')
  return { baseMs: row.base_ms, lastRanks: row.last_ranks, now: row.now }
}

/** Locks the admission until the end of a transaction that has begun without it. */
export async function lockAdmission(tx: Statements): Promise<Locked> {
  return toLocked(await tx.query(LOCK_ORDER))
}

export async function saveOrder(tx: Statements, { baseMs, lastRanks }: Order): Promise<void> {
  await tx.query('UPDATE headgate.admission_lock SET base_ms = $1, last_ranks = $2::text[]::bigint[]', [
    baseMs,
    lastRanks.map(String),
  ])
}

/** How many unfinished tasks there are, by status and level. */
export class Unfinished {
  readonly #counts = new Map<string, number>()

  /** @param rows what the second statement of {@link LOCK_AND_COUNT} has returned */
  static of(rows: readonly QueryResultRow[]): Unfinished {
    const unfinished = new Unfinished()
    for (const { name, priority, count } of rows as readonly {
      name: TaskStatus
      priority: Priority
      count: number
    }[])
      unfinished.add(name, priority, count)
    return unfinished
  }

  add(status: TaskStatus, priority: Priority, count: number): void {
    const key = `${status} ${priority}`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count)
  }

  /** @param lowest of this level and those above it */
  of(status: TaskStatus, lowest: Priority = 0): number {
    const levels = PRIORITIES.filter((level) => level >= lowest)
    return levels.reduce((sum: number, level) => sum + (this.#counts.get(`${status} ${level}`) ?? 0), 0)
  }

  /** Those that take places. */
  get taken(): number {
    return this.of('queued') + this.of('scheduled')
  }

  isEmptyLevel(level: Priority): boolean {
    return [...this.#counts].every(([key, count]) => count === 0 || !key.endsWith(` ${level}`))
  }

  get isEmpty(): boolean {
    return [...this.#counts.values()].every((count) => count === 0)
  }
}

/** Keys that were used before, by caller and key. */
export async function findKeys(tx: Statements, uses: readonly KeyUse[]): Promise<Map<string, KeyRecord>> {
  if (uses.length === 0) return new Map()
  const rows = await tx.query<KeyRecord & Record<string, unknown>>(
    `SELECT keys.caller, keys.key, fingerprint, task_id AS "taskId", waiter, expires_at AS "expiresAt"
      FROM json_to_recordset($1) AS given(caller text, key text)
      JOIN headgate.keys ON keys.caller = given.caller AND keys.key = given.key`,
    [JSON.stringify(uses.map(({ caller, key }) => ({ caller, key })))],
  )
  return new Map(rows.map((row) => [toCallerName(row.caller, row.key), row]))
}

export interface KnownContent {
  readonly id: string
  /** Whether it is completed: else it has not ended. */
  readonly isCompleted: boolean
}

/** Tasks that do the same work: one that has not ended goes before the newest completed one. */
export async function findContents(
  tx: Statements,
  contents: readonly string[],
): Promise<Map<string, KnownContent>> {
  if (contents.length === 0) return new Map()
  const rows = await tx.query<{ id: string; caller: string; content: string; is_completed: boolean }>(
    `SELECT id, caller, content, finished_at IS NOT NULL AS is_completed FROM headgate.tasks
      WHERE content = ANY ($1) AND content IS NOT NULL
        AND (status = 'completed' OR (finished_at IS NULL AND status <> 'cancelling'))
      ORDER BY finished_at IS NULL, id`,
    [contents],
  )
  return new Map(
    rows.map(({ id, caller, content, is_completed: isCompleted }) => [
      toCallerName(caller, content),
      { id, isCompleted },
    ]),
  )
}

/** Tasks of callers that wait for their first start. */
export async function countByCaller(
  tx: Statements,
  callers: readonly string[],
): Promise<Map<string, number>> {
  const rows = await tx.query<{ caller: string; count: number }>(
    `SELECT caller, count(*)::integer AS count FROM headgate.tasks
      WHERE caller = ANY ($1) AND status IN ('queued', 'scheduled') AND run = 0 GROUP BY caller`,
    [callers],
  )
  return new Map(rows.map(({ caller, count }) => [caller, count]))
}

export async function findTasks(tx: Statements, ids: readonly string[]): Promise<ReadonlyMap<string, Task>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.query<WholeTaskRow & Record<string, unknown>>(
    `SELECT ${TASK_COLUMNS} FROM headgate.tasks WHERE tasks.id = ANY ($1)`,
    [ids],
  )
  return new Map(rows.map((row) => [row.id, toTask(row)]))
}
