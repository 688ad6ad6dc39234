import { NOT_DUE, type Delivery, type JournalEntry, type KeyRecord } from '../../journal/journal.ts'
import type { Priority } from '../../task/priority.ts'
import { isTerminal, type TaskStatus } from '../../task/status.ts'
import type { Statements, Transaction } from '../database/database.ts'
import type { Order } from '../admission/order.ts'
import { toAddCounts, type CounterChanges } from './counters.ts'
import { ENTRY_COLUMNS, NEW_TASK_COLUMNS, toEntryRow, toNewDelivery, type NewTaskRow } from './rows.ts'

/** New tasks with their first events. */
const ADMIT = `
  given AS (SELECT * FROM json_to_recordset($1) AS given(${NEW_TASK_COLUMNS})),
  new_tasks AS (
    INSERT INTO headgate.tasks (id, type, caller, priority, status, run, last_seq, created_at, finished_at, spool_id,
        content, fixed, state, error_type, message, start_deadline_at, rank, ticket)
      SELECT id, type, caller, priority, status, run, last_seq, created_at, finished_at, spool_id,
        content, fixed, state, error_type, message, start_deadline_at, rank, ticket FROM given),
  new_inputs AS (INSERT INTO headgate.inputs SELECT id, input FROM given),
  new_events AS (INSERT INTO headgate.events SELECT id, last_seq, event_type, status, at, body FROM given)`

/** The same, with where the next one stands, and the counters: the last statement of an admission. */
const ADMIT_AND_COUNT = `
  WITH ${ADMIT},
  ordered AS (UPDATE headgate.admission_lock SET base_ms = $2, last_ranks = $3::text[]::bigint[])
  ${toAddCounts('$4', '$5')}`

/**
 * The fence: an event follows the newest one, an end is of the run that is going on, and nothing follows an end.
 * Rows are locked in the order of their ids, each found by its id: a plan that looks for all unfinished tasks costs
 * what waits, not what is written.
 */
const APPEND = `
  WITH given AS (SELECT * FROM json_to_recordset($1) AS given(${ENTRY_COLUMNS})),
  locked AS (
    SELECT given.last_seq - 1 AS follows, given.run AS of_run, given.is_end, tasks.*
      FROM (SELECT * FROM given ORDER BY id COLLATE "C") AS given CROSS JOIN LATERAL (
        SELECT id, status, priority, run, last_seq, finished_at FROM headgate.tasks
          WHERE tasks.id = given.id FOR UPDATE) AS tasks),
  before AS (
    SELECT id, status, priority FROM locked
      WHERE last_seq = follows AND finished_at IS NULL AND (run = of_run OR (NOT is_end AND run = of_run - 1))),
  changed AS (
    UPDATE headgate.tasks SET priority = given.priority, status = given.status, run = given.run,
        last_seq = given.last_seq, finished_at = given.finished_at, state = given.state,
        error_type = given.error_type, message = given.message,
        member = CASE WHEN given.status NOT IN ('running', 'cancelling') THEN NULL
          WHEN before.status IN ('running', 'cancelling') THEN coalesce(tasks.member, $2) ELSE $2 END
      FROM given JOIN before ON before.id = given.id
      WHERE tasks.id = before.id AND tasks.last_seq = given.last_seq - 1
      RETURNING tasks.id, before.status, before.priority),
  events AS (
    INSERT INTO headgate.events SELECT given.id, last_seq, event_type, given.status, at, body
      FROM given JOIN changed ON changed.id = given.id)
  SELECT id, status, priority FROM changed`

interface Before {
  readonly id: string
  readonly status: TaskStatus
  readonly priority: Priority
}

/** Writes new tasks; one transaction with the commit. */
export async function writeNewTasks(tx: Statements, rows: readonly NewTaskRow[]): Promise<void> {
  await tx.query(`WITH ${ADMIT} SELECT`, [JSON.stringify(rows)])
}

/** Writes new tasks, the order of the next ones, and what is counted of them: sent with the commit. */
export function sendAdmission(
  tx: Pick<Transaction, 'send'>,
  { rows, order, counters }: { rows: readonly NewTaskRow[]; order: Order; counters: CounterChanges },
): void {
  const ranks = order.lastRanks.map(String)
  tx.send(ADMIT_AND_COUNT, [JSON.stringify(rows), order.baseMs, ranks, ...counters.take()])
}

/** Writes the keys that tasks were submitted under. */
export async function writeKeys(tx: Statements, keys: readonly KeyRecord[]): Promise<void> {
  if (keys.length === 0) return
  await tx.query(
    `INSERT INTO headgate.keys (caller, key, fingerprint, task_id, waiter, expires_at)
      SELECT caller, key, fingerprint, "taskId", waiter, "expiresAt" FROM json_to_recordset($1)
        AS given(caller text, key text, fingerprint text, "taskId" text, waiter integer, "expiresAt" bigint)
      ON CONFLICT (caller, key) DO UPDATE SET fingerprint = excluded.fingerprint, task_id = excluded.task_id,
        waiter = excluded.waiter, expires_at = excluded.expires_at`,
    [JSON.stringify(keys)],
  )
}

export interface EntryWriter {
  readonly tx: Statements
  readonly counters: CounterChanges
  /** Whose tasks they are when a run begins. */
  readonly member: number
}

/**
 * Writes the next versions of tasks, at most one of each.
 * @returns ids of those that were written; the others are stale.
 */
export async function writeEntries(
  { tx, counters, member }: EntryWriter,
  entries: readonly JournalEntry[],
): Promise<ReadonlySet<string>> {
  const rows = entries.map(({ task, event }) => toEntryRow(task, event))
  const written = await tx.query<Before & Record<string, unknown>>(APPEND, [JSON.stringify(rows), member])
  const before = new Map(written.map((row) => [row.id, row]))
  const done = entries.filter(({ task }) => before.has(task.id))
  for (const { task } of done) counters.move(before.get(task.id) as Before, task)
  await writeEnds(
    tx,
    done.filter(({ task }) => isTerminal(task.status)),
  )
  await writeDeliveries(tx, done)
  return new Set(before.keys())
}

/** What comes with an end: the result, webhooks that are due now, and steps that are not needed any more. */
async function writeEnds(tx: Statements, ends: readonly JournalEntry[]): Promise<void> {
  if (ends.length === 0) return
  const results = ends.map(({ task: { id, result }, event: { at } }) => ({ id, at, result }))
  await tx.query(
    `WITH given AS (SELECT * FROM json_to_recordset($1) AS given(id text, at bigint, result text)),
      due AS (UPDATE headgate.deliveries SET next_at = given.at FROM given WHERE task_id = given.id AND next_at = $2),
      steps AS (DELETE FROM headgate.steps USING given WHERE task_id = given.id)
      INSERT INTO headgate.results SELECT id, result FROM given WHERE result IS NOT NULL`,
    [JSON.stringify(results), NOT_DUE],
  )
}

async function writeDeliveries(tx: Statements, entries: readonly JournalEntry[]): Promise<void> {
  const dropped = entries.flatMap((entry) => entry.dropped ?? [])
  if (dropped.length > 0) await tx.query('DELETE FROM headgate.deliveries WHERE id = ANY ($1)', [dropped])
  const added = entries.flatMap((entry): Delivery[] => {
    const delivery = toNewDelivery(entry)
    if (delivery === null) return []
    const { task, event } = entry
    return [
      { ...delivery, taskId: task.id, attempt: 0, nextAt: isTerminal(task.status) ? event.at : NOT_DUE },
    ]
  })
  await addDeliveries(tx, added)
}

export async function addDeliveries(tx: Statements, deliveries: readonly Delivery[]): Promise<void> {
  if (deliveries.length === 0) return
  await tx.query(
    `INSERT INTO headgate.deliveries (id, task_id, caller, url, secret, attempt, next_at)
      SELECT id, "taskId", caller, url, secret, attempt, "nextAt" FROM json_to_recordset($1)
        AS given(id text, "taskId" text, caller text, url text, secret text, attempt integer, "nextAt" bigint)
      ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, next_at = excluded.next_at`,
    [JSON.stringify(deliveries)],
  )
}
