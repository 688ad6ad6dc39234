import { toTask } from '../../journal/rows.ts'
import type { ExportedTable } from '../../journal/sqlite/exported-tables.ts'
import type { ExportedTask } from '../../journal/sqlite/exported-tasks.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import { lockAdmission, saveOrder } from '../admission/known.ts'
import type { Statements } from '../database/database.ts'
import type { CounterChanges } from '../journal/counters.ts'
import { nextRank, toTicketPriority } from '../admission/order.ts'
import type { NewTicket, Tickets } from '../tickets.ts'
import type { DrawnRow } from './drawn.ts'

export interface TaskTarget {
  readonly tx: Statements
  readonly tickets: Tickets
  readonly counters: CounterChanges
  readonly headStartMs: number
  /** When the oldest task was admitted that has not ended, epoch ms. */
  readonly oldestAt: number
}

/** One row by the names of its columns. */
type Cells = Readonly<Record<string, unknown>>

/** A task that waits for a resource, or for a time that nobody knows, is looked at again after this time, ms. */
const SOON_MS = 1000
/** Text of one statement, characters. */
const MAX_CHARS = 2 * 1024 * 1024

const TASK_COLUMNS = `id text, type text, caller text, priority smallint, status text, run integer, last_seq integer,
  created_at bigint, finished_at bigint, has_events boolean, spool_id text, content text, fixed text, state text,
  error_type text, message text, start_deadline_at bigint, rank bigint, ticket integer`

/** The columns of each table, as they are written; a row that is there already stays, a note is replaced. */
const COLUMNS = {
  events: 'task_id text, seq integer, type text, status text, at bigint, body text',
  inputs: 'id text, input text',
  results: 'id text, result text',
  steps: 'task_id text, name text, value text, saved_at bigint',
  keys: 'caller text, key text, fingerprint text, task_id text, waiter integer, expires_at bigint',
  deliveries: 'id text, task_id text, caller text, url text, secret text, attempt integer, next_at bigint',
  erased: 'id text, caller text, at bigint',
  minutes: 'minute bigint, writer bigint, row text',
  notes: 'name text, text text',
} as const satisfies Record<ExportedTable | 'events' | 'inputs' | 'results' | 'steps', string>

/** Writes tasks with everything that is kept of them, and tickets for those that have not ended. */
export async function writeTasks(page: readonly ExportedTask[], target: TaskTarget): Promise<void> {
  const { tx, tickets, counters } = target
  const { rows, newTickets } = await place(page, target)
  const names = listNames(TASK_COLUMNS)
  // In the order of admission, which the numbers of the rows keep.
  const sql = `INSERT INTO headgate.tasks (${names}) SELECT ${names}
    FROM json_to_recordset($1) AS given(${TASK_COLUMNS}, place bigint) ORDER BY place`
  for (const part of splitParts(rows)) await tx.query(sql, [JSON.stringify(part)])
  const about = page.map(({ row }) => row)
  await writeRows(
    tx,
    'inputs',
    about.flatMap(({ id, input }) => (input === null ? [] : [{ id, input }])),
  )
  await writeRows(
    tx,
    'results',
    about.flatMap(({ id, result }) => (result === null ? [] : [{ id, result }])),
  )
  await writeRows(
    tx,
    'events',
    page.flatMap(({ row, events }) => events.map((event) => ({ task_id: row.id, ...event }))),
  )
  // Steps of an earlier version have no time.
  await writeRows(
    tx,
    'steps',
    page.flatMap(({ steps }) => steps.map((step) => ({ ...step, saved_at: step['saved_at'] ?? 0 }))),
  )
  await tickets.insert(tx, newTickets)
  await counters.flush(tx)
}

async function place(page: readonly ExportedTask[], { tx, counters, headStartMs, oldestAt }: TaskTarget) {
  const { now, ...known } = await lockAdmission(tx)
  const isFirst = known.lastRanks.every((rank) => rank === 0)
  const order = { baseMs: isFirst ? oldestAt : known.baseMs, lastRanks: [...known.lastRanks] }
  const newTickets: NewTicket[] = []
  const rows = page.map(({ place: at, row, hasEvents }) => {
    const { input: _, result: __, ...columns } = row
    const task = toTask(row)
    const { id, priority, failure } = task
    counters.accept(task)
    let [rank, ticket] = [0, 0]
    if (!isTerminal(task.status)) {
      rank = nextRank(order, priority, task.createdAt, headStartMs)
      order.lastRanks[priority] = rank
      ticket = toTicketPriority(rank, priority, headStartMs)
      newTickets.push({ id, priority: ticket, startAfter: toStart(task, now) })
    }
    return {
      ...columns,
      place: at,
      has_events: hasEvents,
      error_type: failure?.errorType ?? null,
      message: failure === null ? null : failure.message.replaceAll('\0', ''),
      start_deadline_at: task.startDeadlineAt,
      rank,
      ticket,
    }
  })
  await saveOrder(tx, order)
  return { rows, newTickets }
}

/** Before when a task must not be looked at, epoch ms; null: at once, also where its run was cut off. */
function toStart({ status, waitUntil, waitResource }: Task, now: number): number | null {
  if (status !== 'scheduled' && status !== 'waiting') return null
  return waitResource === null ? (waitUntil ?? now + SOON_MS) : now + SOON_MS
}

/** Writes rows of a table; those that are there stay. */
export async function writeRows(
  tx: Statements,
  table: keyof typeof COLUMNS,
  rows: readonly Cells[],
): Promise<void> {
  const columns = COLUMNS[table]
  const names = listNames(columns)
  const known =
    table === 'notes' ? 'ON CONFLICT (name) DO UPDATE SET text = excluded.text' : 'ON CONFLICT DO NOTHING'
  const sql = `INSERT INTO headgate.${table} (${names}) SELECT ${names} FROM json_to_recordset($1) AS given(${columns}) ${known}`
  for (const part of splitParts(rows)) await tx.query(sql, [JSON.stringify(part)])
}

/** Writes what resources have drawn. */
export async function writeDrawn(tx: Statements, rows: readonly DrawnRow[]): Promise<void> {
  await tx.query(
    `INSERT INTO headgate.accounts (resource, state)
      SELECT resource, state FROM json_to_recordset($1) AS given(resource text, state text)
      ON CONFLICT (resource) DO UPDATE SET state = excluded.state`,
    [JSON.stringify(rows)],
  )
}

function listNames(columns: string): string {
  return columns
    .split(',')
    .map((column) => column.trim().split(' ')[0])
    .join(', ')
}

/** Rows in pieces of some MB; a text of PostgreSQL has no NUL. */
function splitParts(rows: readonly Cells[]): readonly (readonly Cells[])[] {
  const parts: Cells[][] = []
  let chars = Infinity
  for (const row of rows) {
    if (chars > MAX_CHARS) {
      parts.push([])
      chars = 0
    }
    const clean = Object.entries(row).map(([name, value]) => [name, toPlainText(value)] as const)
    for (const [, value] of clean) if (typeof value === 'string') chars += value.length
    parts.at(-1)?.push(Object.fromEntries(clean))
  }
  return parts
}

/** A text as PostgreSQL can keep it. */
export function toPlainText<Value>(value: Value): Value | string {
  return typeof value === 'string' ? value.replaceAll('\0', '\uFFFD') : value
}
