import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { HeadgateError } from '../../task/errors.ts'
import type { Task, Upload } from '../../task/task.ts'
import { TASK_COLUMNS, type EventRow, type Row, type WholeTaskRow } from '../rows.ts'
import { filesIn, type JournalFiles } from './open/files.ts'
import { sizeOfFile } from './open/folder.ts'
import { takeLock } from './open/lock.ts'
import { openJournal } from './open/open.ts'
import { MIGRATIONS } from './schema.ts'
import { Statements } from './statements.ts'
import { syncPathSync } from '../../sync-path.ts'

/** One task with everything that is kept of it. */
export interface ExportedTask {
  /** Its place in the order of admission. */
  readonly place: number
  /** Whether the events before the last are kept. */
  readonly hasEvents: boolean
  readonly row: WholeTaskRow
  readonly events: readonly EventRow[]
  readonly steps: readonly Row[]
}

export interface NamedUpload {
  readonly taskId: string
  readonly upload: Upload
}

/** Tables whose rows stand for themselves, with the columns that are exported. */
export const EXPORTED_TABLES = {
  keys: ['caller', 'key', 'fingerprint', 'task_id', 'waiter', 'expires_at'],
  deliveries: ['id', 'task_id', 'caller', 'url', 'secret', 'attempt', 'next_at'],
  erased: ['id', 'caller', 'at'],
  minutes: ['minute', 'writer', 'row'],
  notes: ['name', 'text'],
} as const
export type ExportedTable = keyof typeof EXPORTED_TABLES

const OWNER_ONLY = 0o600
const ID_NOTE = 'journal-id'
/** Notes of this journal alone. */
const OWN_NOTES = new Set([ID_NOTE, 'self-test'])
/** A page ends after this much text, characters. */
const PAGE_CHARS = 4 * 1024 * 1024

/** A journal that no server uses, read from its beginning to its end, to be written somewhere else. */
export class JournalExport implements Disposable {
  /** The same each time the journal is exported. */
  readonly id: string
  readonly #files: JournalFiles
  readonly #lock: Disposable
  readonly #db: DatabaseSync
  readonly #statements: Statements

  /**
   * Opens the journal of a folder, and keeps servers away from it until it is closed.
   * @throws HeadgateError `journal-in-use`, `journal-missing`, `journal-moved`, `journal-too-new`, `journal-corrupt`
   */
  constructor(folder: string) {
    this.#files = filesIn(folder)
    if ((sizeOfFile(this.#files.journal) ?? 0) === 0)
      throw new HeadgateError('journal-missing', `There is no journal in ${folder}.`)
    this.#lock = takeLock(this.#files.lock)
    try {
      this.#db = openJournal(this.#files, MIGRATIONS).db
    } catch (error) {
      this.#lock[Symbol.dispose]()
      throw error
    }
    this.#statements = new Statements(this.#db)
    this.#statements.of('INSERT OR IGNORE INTO notes VALUES (?, ?)').run(ID_NOTE, randomUUID())
    const [note] = this.#statements.all('SELECT text FROM notes WHERE name = ?', ID_NOTE)
    this.id = note?.['text'] as string
  }

  /** Rows of a table. */
  count(table: 'tasks' | Exclude<ExportedTable, 'notes'>): number {
    const [row] = this.#statements.all(`SELECT count(*) AS count FROM ${table}`)
    return row?.['count'] as number
  }

  /** Pages of tasks in the order of their admission, those behind a place. */
  *tasks(after: number, limit: number): Generator<readonly ExportedTask[]> {
    for (let place = after; ;) {
      const page = this.#page(place, limit)
      const last = page.at(-1)
      if (last === undefined) return
      yield page
      ;({ place } = last)
    }
  }

  #page(after: number, limit: number): readonly ExportedTask[] {
    const sql = `SELECT tasks.rowid AS place, has_events, ${TASK_COLUMNS}, input, result FROM tasks
      LEFT JOIN inputs ON inputs.id = tasks.id LEFT JOIN results ON results.id = tasks.id
      WHERE tasks.rowid > ? ORDER BY tasks.rowid LIMIT ?`
    const page: ExportedTask[] = []
    let chars = 0
    for (const found of this.#statements.of(sql).iterate(after, limit)) {
      const {
        place,
        has_events: hasEvents,
        ...row
      } = found as unknown as WholeTaskRow & {
        place: number
        has_events: number
      }
      const events = this.#eventsOf(row.id)
      const steps = this.#statements.all(
        'SELECT task_id, name, value, saved_at FROM steps WHERE task_id = ?',
        row.id,
      )
      page.push({ place, hasEvents: hasEvents === 1, row, events, steps })
      chars += countChars(row, events, steps)
      if (chars > PAGE_CHARS) break
    }
    return page
  }

  #eventsOf(id: string): readonly EventRow[] {
    const sql = 'SELECT seq, type, status, at, body FROM events WHERE task_id = ? ORDER BY seq'
    return this.#statements.all(sql, id) as unknown as readonly EventRow[]
  }

  /** The uploads that tasks name. */
  *uploads(): Generator<NamedUpload> {
    const sql = 'SELECT id, spool_id, fixed FROM tasks WHERE spool_id IS NOT NULL ORDER BY rowid'
    for (const { id, spool_id, fixed } of this.#statements.of(sql).iterate()) {
      const { upload } = JSON.parse(fixed as string) as Pick<Task, 'upload'>
      if (upload !== null) yield { taskId: id as string, upload: { ...upload, spoolId: spool_id as string } }
    }
  }

  /** When the oldest task was admitted that has not ended, epoch ms; null: all have. */
  oldestUnfinished(): number | null {
    const sql = 'SELECT min(created_at) AS at FROM tasks WHERE has_events = 1 AND finished_at IS NULL'
    return this.#statements.all(sql)[0]?.['at'] as number | null
  }

  /** All rows of a table, a page at a time. */
  *rows(table: ExportedTable, limit: number): Generator<readonly Row[]> {
    const columns = EXPORTED_TABLES[table].join(', ')
    let page: Row[] = []
    for (const row of this.#statements.of(`SELECT ${columns} FROM ${table}`).iterate()) {
      if (table === 'notes' && OWN_NOTES.has(row['name'] as string)) continue
      page.push(row as Row)
      if (page.length < limit) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }

  /** How many tasks have ended with each status since the first start, those that were erased included. */
  totals(): ReadonlyMap<string, number> {
    const rows = this.#statements.all('SELECT status, count FROM totals')
    return new Map(rows.map(({ status, count }) => [status as string, count as number]))
  }

  /** From now on no server starts over this journal: its tasks would run twice. @param where the tasks are now */
  markMoved(where: string): void {
    writeFileSync(this.#files.moved, `${where}\n`, { mode: OWNER_ONLY, flush: true })
    syncPathSync(this.#files.folder)
  }

  [Symbol.dispose](): void {
    this.#db.close()
    this.#lock[Symbol.dispose]()
  }
}

function countChars(row: WholeTaskRow, events: readonly EventRow[], steps: readonly Row[]): number {
  const texts = [row.input, row.result, row.state, row.fixed, ...events.map(({ body }) => body)]
  const ofSteps = steps.map(({ value }) => value as string)
  return [...texts, ...ofSteps].reduce((sum, text) => sum + (text?.length ?? 0), 0)
}
