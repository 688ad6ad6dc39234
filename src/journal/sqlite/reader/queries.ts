import type { TaskEvent } from '../../../task/event.ts'
import type { TaskStatus } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import {
  MAX_PAGE_CHARS,
  NOT_DUE,
  toPastTask,
  type Delivery,
  type KeptUpload,
  type KeyRecord,
  type MinuteRow,
  type PastTask,
  type SavedStep,
  type TaskPage,
} from '../../journal.ts'
import type { FailureGroup } from '../../failure-groups.ts'
import { combineRows } from '../../../history/minute.ts'
import {
  TASK_COLUMNS,
  fromValues,
  toEvent,
  toTask,
  type EventRow,
  type Row,
  type WholeTaskRow,
} from '../../rows.ts'
import type { Statements } from '../statements.ts'
import { selectFailures } from './select-failures.ts'
import { selectPage } from './select-page.ts'

/** One question to the reading thread. */
export interface Query<Args extends unknown[], Reply, Found = Row> {
  /** Runs in the reading thread. */
  readonly select: (db: Statements, ...args: Args) => readonly Found[]
  /** Runs in the process: what the rows say. */
  readonly toReply: (rows: readonly Found[], ...args: Args) => Reply
}

function query<Args extends unknown[], Reply, Found = Row>(
  select: Query<Args, Reply, Found>['select'],
  toReply: Query<Args, Reply, Found>['toReply'],
): Query<Args, Reply, Found> {
  return { select, toReply }
}

const WHOLE = `SELECT ${TASK_COLUMNS}, input, result FROM tasks
  LEFT JOIN inputs ON inputs.id = tasks.id LEFT JOIN results ON results.id = tasks.id`

const newestIn = (table: string) => `coalesce((SELECT max(id) FROM ${table}), '')`

/** Everything that the journal is asked, each by the name of its method in the interfaces of the journal. */
export const QUERIES = {
  task: query(
    (db, id: string) => db.all(`${WHOLE} WHERE tasks.id = ?`, id),
    (rows): Task | undefined => toTasks(rows)[0],
  ),

  find: query(
    (db, id: string) => db.all(`SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`, id),
    (rows): Task | undefined => toTasks(rows)[0],
  ),

  /** As bytes, which are handed over to the other thread and not copied. */
  result: query(
    (db, id: string) => db.all('SELECT CAST(result AS BLOB) AS result FROM results WHERE id = ?', id),
    ([row]) => (row?.['result'] ?? null) as Uint8Array | null,
  ),

  resultBytes: query(
    (db, id: string) => db.all('SELECT octet_length(result) AS bytes FROM results WHERE id = ?', id),
    ([row]) => (row?.['bytes'] ?? 0) as number,
  ),

  list: query(selectPage, (rows): TaskPage => {
    const next = rows.at(-1)?.['next'] as string | undefined
    return { tasks: toTasks(next === undefined ? rows : rows.slice(0, -1)), next: next ?? null }
  }),

  /** Grouped in the reading thread: there may be many. */
  failures: query(selectFailures, (rows): readonly FailureGroup[] =>
    rows.map((row) => {
      const [ids, counts] = [row['ids'], row['counts']].map((text) => JSON.parse(text as string) as unknown)
      return { ...row, ids, counts } as unknown as FailureGroup
    }),
  ),

  eventsAfter: query(selectEvents, (rows, taskId): readonly TaskEvent[] =>
    (rows as unknown as EventRow[]).map((row) => toEvent(taskId, row)),
  ),

  keyed: query(
    (db, caller: string, key: string) =>
      db.all('SELECT * FROM keys WHERE caller = ? AND key = ?', caller, key),
    ([row], caller, key): KeyRecord | undefined => {
      if (row === undefined) return undefined
      const { fingerprint, task_id: taskId, waiter, expires_at: expiresAt } = row
      return { caller, key, fingerprint, taskId, waiter, expiresAt } as KeyRecord
    },
  ),

  completedWith: query(
    (db, caller: string, content: string) =>
      db.all(
        `SELECT id FROM tasks WHERE content = ? AND caller = ? AND content IS NOT NULL AND status = 'completed'
          ORDER BY id DESC LIMIT 1`,
        content,
        caller,
      ),
    ([row]) => row?.['id'] as string | undefined,
  ),

  loadStep: query(
    (db, taskId: string, name: string) =>
      db.all('SELECT value FROM steps WHERE task_id = ? AND name = ?', taskId, name),
    ([row]) => row?.['value'] as string | undefined,
  ),

  listSteps: query(
    (db, taskId: string) =>
      db.all('SELECT name, saved_at FROM steps WHERE task_id = ? ORDER BY saved_at, name', taskId),
    (rows): readonly SavedStep[] =>
      rows.map(({ name, saved_at: savedAt }) => ({ name, savedAt }) as unknown as SavedStep),
  ),

  stepCount: query(
    (db, taskId: string) => db.all('SELECT count(*) AS count FROM steps WHERE task_id = ?', taskId),
    ([row]) => row?.['count'] as number,
  ),

  unfinished: query(
    (db, afterId: string | null, limit: number) => {
      const from = '(SELECT rowid FROM tasks WHERE id = ?)'
      const which = `has_events = 1 AND finished_at IS NULL AND tasks.rowid > coalesce(${from}, 0)`
      return db.lists(`${WHOLE} WHERE ${which} ORDER BY tasks.rowid LIMIT ?`, afterId, limit)
    },
    (rows): Task[] => rows.map((values) => toTask(fromValues(values))),
  ),

  totals: query(
    (db) =>
      db.all(`SELECT status, count FROM totals UNION ALL
        SELECT status, count(*) FROM tasks WHERE has_events = 1 AND finished_at IS NULL GROUP BY status`),
    (rows): Readonly<Partial<Record<TaskStatus, number>>> =>
      Object.fromEntries(rows.map(({ status, count }) => [status, count])),
  ),

  durations: query(
    (db, limit: number) =>
      db.all(
        `SELECT ${TASK_COLUMNS} FROM tasks
          WHERE has_events = 1 AND finished_at IS NOT NULL AND status = 'completed' ORDER BY finished_at DESC LIMIT ?`,
        limit,
      ),
    (rows): readonly PastTask[] =>
      toTasks(rows)
        .toReversed()
        .map((task) => toPastTask(task)),
  ),

  newestId: query(
    (db) => db.all(`SELECT max(${newestIn('tasks')}, ${newestIn('erased')}) AS id`),
    ([row]) => (row?.['id'] as string) || null,
  ),

  spoolIds: query(
    (db) => db.all('SELECT spool_id FROM tasks WHERE spool_id IS NOT NULL'),
    (rows): readonly string[] => rows.map((row) => row['spool_id'] as string),
  ),

  ownerOfErased: query(
    (db, taskId: string) => db.all('SELECT caller FROM erased WHERE id = ?', taskId),
    ([row]) => row?.['caller'] as string | undefined,
  ),

  endedUploads: query(
    (db, before: number, limit: number) =>
      db.all(
        'SELECT id, spool_id FROM tasks WHERE spool_id IS NOT NULL AND finished_at < ? LIMIT ?',
        before,
        limit,
      ),
    (rows): readonly KeptUpload[] =>
      rows.map(({ id, spool_id: spoolId }) => ({ taskId: id, spoolId }) as KeptUpload),
  ),

  due: query(
    (db, now: number, limit: number, offset: number = 0) =>
      db.all(
        'SELECT * FROM deliveries WHERE next_at <= ? ORDER BY next_at LIMIT ? OFFSET ?',
        now,
        limit,
        offset,
      ),
    (rows): readonly Delivery[] =>
      rows.map(
        ({ task_id: taskId, next_at: nextAt, ...row }) => ({ ...row, taskId, nextAt }) as unknown as Delivery,
      ),
  ),

  nextAt: query(
    (db, now: number = 0) => db.all('SELECT min(next_at) AS at FROM deliveries WHERE next_at > ?', now),
    ([row]) => {
      const at = (row?.['at'] as number | null | undefined) ?? NOT_DUE
      return at === NOT_DUE ? null : at
    },
  ),

  loadNote: query(
    (db, name: string) => db.all('SELECT text FROM notes WHERE name = ?', name),
    ([row]) => row?.['text'] as string | undefined,
  ),

  minutes: query(
    (db, from: number, size: number) => {
      const rows = db.of('SELECT minute, row FROM minutes WHERE minute >= ?').iterate(from)
      return combineRows(rows as unknown as Iterable<MinuteRow>, size).map((row) => ({ ...row }))
    },
    (rows): readonly MinuteRow[] => rows as unknown as readonly MinuteRow[],
  ),

  /** `ok`, or what is damaged. */
  quickCheck: query(
    (db) => db.all('PRAGMA quick_check(1)'),
    ([row]) => String(row?.['quick_check']),
  ),
}

type Queries = typeof QUERIES
export type QueryName = keyof Queries
export type QueryArgs<Name extends QueryName> =
  Queries[Name] extends Query<infer Args, unknown, infer _> ? Args : never
export type QueryReply<Name extends QueryName> = ReturnType<Queries[Name]['toReply']>

/** A query as the threads hand it on. */
export type AnyQuery = Query<unknown[], unknown>

function selectEvents(db: Statements, taskId: string, after: number, limit: number): readonly Row[] {
  const sql =
    'SELECT seq, type, status, at, body FROM events WHERE task_id = ? AND seq > ? ORDER BY seq LIMIT ?'
  const rows: Row[] = []
  let chars = 0
  for (const row of db.of(sql).iterate(taskId, after, limit)) {
    rows.push(row as Row)
    chars += (row['body'] as string).length
    if (chars > MAX_PAGE_CHARS) break
  }
  return rows
}

function toTasks(rows: readonly Row[]): Task[] {
  return (rows as unknown as WholeTaskRow[]).map((row) => toTask(row))
}
