import type { DatabaseSync } from 'node:sqlite'
import type { TaskQuery } from '../../journal.ts'
import { Statements } from '../statements.ts'

/** What the reading thread is asked; each reply is plain rows. */
export type Read =
  | { readonly op: 'task'; readonly id: string }
  | { readonly op: 'find'; readonly id: string }
  | { readonly op: 'result'; readonly id: string }
  | { readonly op: 'resultBytes'; readonly id: string }
  | { readonly op: 'list'; readonly query: TaskQuery }
  | { readonly op: 'events'; readonly taskId: string; readonly after: number; readonly limit: number }
  | { readonly op: 'step'; readonly taskId: string; readonly name: string }
  | { readonly op: 'stepCount'; readonly taskId: string }
  | { readonly op: 'note'; readonly name: string }
  | { readonly op: 'key'; readonly caller: string; readonly key: string }
  | { readonly op: 'completed'; readonly caller: string; readonly content: string }
  | { readonly op: 'unfinished'; readonly afterId: string | null; readonly limit: number }
  | { readonly op: 'totals' }
  | { readonly op: 'durations'; readonly limit: number }
  | { readonly op: 'newest' }
  | { readonly op: 'spoolIds' }
  | { readonly op: 'erased'; readonly taskId: string }
  | { readonly op: 'uploads'; readonly before: number; readonly limit: number }
  | { readonly op: 'due'; readonly now: number; readonly limit: number; readonly offset: number }
  | { readonly op: 'nextDelivery'; readonly now: number }
  | { readonly op: 'check' }

export type Row = Record<string, string | number | null | Uint8Array>

const TASK_COLUMNS =
  'tasks.id, type, caller, priority, status, run, last_seq, created_at, finished_at, spool_id, content, fixed, state'
const WHOLE = `SELECT ${TASK_COLUMNS}, input, result FROM tasks
  LEFT JOIN inputs ON inputs.id = tasks.id LEFT JOIN results ON results.id = tasks.id`
const NEWEST_COMPLETED = `SELECT id FROM tasks
  WHERE content = ? AND caller = ? AND content IS NOT NULL AND status = 'completed' ORDER BY id DESC LIMIT 1`
const NEWEST_DURATIONS = `SELECT type, priority, created_at, finished_at, fixed, state FROM tasks
  WHERE has_events = 1 AND finished_at IS NOT NULL AND status = 'completed' ORDER BY finished_at DESC LIMIT ?`
const ENDED_UPLOADS = 'SELECT id, spool_id FROM tasks WHERE spool_id IS NOT NULL AND finished_at < ? LIMIT ?'
/** As bytes, which are handed over to the other thread and not copied. */
const RESULT_BYTES = 'SELECT octet_length(result) AS bytes FROM results WHERE id = ?'
const RESULT = 'SELECT CAST(result AS BLOB) AS result FROM results WHERE id = ?'
const STEP = 'SELECT value FROM steps WHERE task_id = ? AND name = ?'
const DUE = 'SELECT * FROM deliveries WHERE next_at <= ? ORDER BY next_at LIMIT ? OFFSET ?'
/** A page looks at this many tasks at the most, so that a rare kind among a million costs no more than another. */
const MAX_LOOKED_AT = 5000
/** Text of events in one page, characters: a reader takes them at its own pace. */
const MAX_PAGE_CHARS = 128 * 1024

/** Those that have not ended are kept in memory too, and listed from there. */
const ENDED_ONLY = 'status = :status AND finished_at IS NOT NULL'
const newestIn = (table: string) => `coalesce((SELECT max(id) FROM ${table}), '')`

/** Answers reads from a connection that only reads: no commit is waited for. */
export class Reads {
  readonly #statements: Statements

  constructor(db: DatabaseSync) {
    this.#statements = new Statements(db)
  }

  answer(read: Read): readonly Row[] {
    if (read.op === 'list') return this.#list(read.query)
    if (read.op === 'events') return this.#events(read.taskId, read.after, read.limit)
    if (read.op === 'unfinished') return this.#unfinished(read.afterId, read.limit)
    const { sql, values } = toQuestion(read)
    return this.#all(sql, ...values)
  }

  /** The rows of a page, then the id to continue from, when it is not the last one. */
  #list({ status, type, caller, before, limit }: TaskQuery): readonly Row[] {
    // An index leads to the tasks of a caller, or of a terminal status; what else is asked is looked at row by row.
    const leader = caller === undefined ? status !== undefined && ENDED_ONLY : 'caller = :caller'
    const led = [...(leader === false ? [] : [leader]), 'id < :before'].join(' AND ')
    const asked = [
      'true',
      ...(status === undefined ? [] : ['status = :status']),
      ...(type === undefined ? [] : ['type = :type']),
    ].join(' AND ')
    const values = {
      before: before ?? '~',
      ...(caller === undefined ? {} : { caller }),
      ...(status === undefined ? {} : { status }),
      ...(type === undefined ? {} : { type }),
    }
    const looked = `SELECT ${TASK_COLUMNS} FROM tasks WHERE ${led} ORDER BY id DESC LIMIT ${MAX_LOOKED_AT}`
    const rows = this.#statements
      .of(`SELECT * FROM (${looked}) WHERE ${asked} LIMIT ${limit + 1}`)
      .all(values) as Row[]
    if (rows.length > limit) return [...rows.slice(0, limit), { next: rows[limit - 1]?.['id'] ?? null }]
    const { type: _, ...leading } = values as Record<string, string>
    if (caller !== undefined) delete leading['status']
    const last = this.#statements
      .of(`SELECT id FROM tasks WHERE ${led} ORDER BY id DESC LIMIT 1 OFFSET ${MAX_LOOKED_AT - 1}`)
      .get(leading)
    return last === undefined ? rows : [...rows, { next: last['id'] as string }]
  }

  #events(taskId: string, after: number, limit: number): readonly Row[] {
    const sql =
      'SELECT seq, type, status, at, body FROM events WHERE task_id = ? AND seq > ? ORDER BY seq LIMIT ?'
    const rows: Row[] = []
    let chars = 0
    for (const row of this.#statements.of(sql).iterate(taskId, after, limit)) {
      rows.push(row as Row)
      chars += (row['body'] as string).length
      if (chars > MAX_PAGE_CHARS) break
    }
    return rows
  }

  #unfinished(afterId: string | null, limit: number): readonly Row[] {
    const from = '(SELECT rowid FROM tasks WHERE id = ?)'
    const which = `has_events = 1 AND finished_at IS NULL AND tasks.rowid > coalesce(${from}, 0)`
    return this.#all(`${WHOLE} WHERE ${which} ORDER BY tasks.rowid LIMIT ?`, afterId, limit)
  }

  #all(sql: string, ...values: (string | number | null)[]): readonly Row[] {
    return this.#statements.of(sql).all(...values) as Row[]
  }
}

interface Question {
  readonly sql: string
  readonly values: readonly (string | number | null)[]
}

/** What one statement answers. */
function toQuestion(read: Exclude<Read, { op: 'list' | 'events' | 'unfinished' }>): Question {
  switch (read.op) {
    case 'task':
      return { sql: `${WHOLE} WHERE tasks.id = ?`, values: [read.id] }
    case 'find':
      return { sql: `SELECT ${TASK_COLUMNS} FROM tasks WHERE id = ?`, values: [read.id] }
    case 'result':
      return { sql: RESULT, values: [read.id] }
    case 'resultBytes':
      return { sql: RESULT_BYTES, values: [read.id] }
    case 'step':
      return { sql: STEP, values: [read.taskId, read.name] }
    case 'stepCount':
      return { sql: 'SELECT count(*) AS count FROM steps WHERE task_id = ?', values: [read.taskId] }
    case 'note':
      return { sql: 'SELECT text FROM notes WHERE name = ?', values: [read.name] }
    case 'key':
      return { sql: 'SELECT * FROM keys WHERE caller = ? AND key = ?', values: [read.caller, read.key] }
    case 'completed':
      return { sql: NEWEST_COMPLETED, values: [read.content, read.caller] }
    case 'totals':
      return { sql: 'SELECT status, count FROM totals', values: [] }
    case 'durations':
      return { sql: NEWEST_DURATIONS, values: [read.limit] }
    case 'newest':
      return { sql: `SELECT max(${newestIn('tasks')}, ${newestIn('erased')}) AS id`, values: [] }
    case 'spoolIds':
      return { sql: 'SELECT spool_id FROM tasks WHERE spool_id IS NOT NULL', values: [] }
    case 'erased':
      return { sql: 'SELECT caller FROM erased WHERE id = ?', values: [read.taskId] }
    case 'uploads':
      return { sql: ENDED_UPLOADS, values: [read.before, read.limit] }
    case 'due':
      return { sql: DUE, values: [read.now, read.limit, read.offset] }
    case 'check':
      return { sql: 'PRAGMA quick_check(1)', values: [] }
    case 'nextDelivery':
      return { sql: 'SELECT min(next_at) AS at FROM deliveries WHERE next_at > ?', values: [read.now] }
  }
}
