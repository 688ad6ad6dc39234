import type { DatabaseSync } from 'node:sqlite'
import type { Row } from '../rows.ts'
import { EXPORTED_TABLES, MOVE_NOTE, TOTAL_NOTES, type ExportedTable } from './exported-tables.ts'
import { readTasks, type ExportedTask } from './exported-tasks.ts'
import { filesIn } from './open/files.ts'
import { prepareFolder } from './open/folder.ts'
import { takeLock } from './open/lock.ts'
import { openJournal } from './open/open.ts'
import { MIGRATIONS } from './schema.ts'
import { Statements, type SqlValue } from './statements.ts'

/** Pages of the write-ahead log after which it is written into the journal. */
const PAGES_PER_CHECKPOINT = 4000
const TASK_COLUMNS = [
  'id',
  'type',
  'caller',
  'priority',
  'status',
  'run',
  'last_seq',
  'created_at',
  'finished_at',
  'spool_id',
  'content',
  'fixed',
  'state',
] as const

/** What is written in one transaction. */
export interface ImportTransaction {
  /** Tasks with everything that is kept of them, at their places in the order of admission. */
  addTasks(tasks: readonly ExportedTask[]): void
  /** Rows that are there stay; notes are replaced. */
  addRows(table: ExportedTable, rows: readonly Row[]): void
  /** As `JournalExport.totals` reads them. */
  saveTotals(totals: ReadonlyMap<string, number>): void
  /** How far the import has come: a JSON text with its `stage`. */
  saveState(text: string): void
}

/** A journal that no server uses, or a new one, which is written from what another one has held. */
export class JournalImport implements Disposable {
  readonly #lock: Disposable
  readonly #db: DatabaseSync
  readonly #statements: Statements

  /**
   * Opens the journal of a folder, or makes it, and keeps servers away from it until it is closed.
   * @throws HeadgateError `invalid-setting`, `journal-in-use`, `journal-moved`, `journal-too-new`, `journal-corrupt`
   */
  constructor(folder: string) {
    const files = filesIn(folder)
    prepareFolder(folder)
    this.#lock = takeLock(files.lock)
    try {
      this.#db = openJournal(files, MIGRATIONS, { isImported: true }).db
      this.#db.exec(`PRAGMA wal_autocheckpoint = ${PAGES_PER_CHECKPOINT}`)
    } catch (error) {
      this.#lock[Symbol.dispose]()
      throw error
    }
    this.#statements = new Statements(this.#db)
  }

  /** As it was saved last; null: nothing was ever imported. */
  get state(): string | null {
    const sql = 'SELECT text FROM notes WHERE name = ?'
    return (this.#statements.all(sql, MOVE_NOTE)[0]?.['text'] as string | undefined) ?? null
  }

  /** Whether there were never tasks. */
  get isEmpty(): boolean {
    const tables = ['tasks', 'keys', 'deliveries', 'erased'] as const
    return tables.every((table) => this.count(table) === 0)
  }

  count(table: 'tasks' | Exclude<ExportedTable, 'notes'>): number {
    return this.#statements.all(`SELECT count(*) AS count FROM ${table}`)[0]?.['count'] as number
  }

  countUnfinished(): number {
    const sql = 'SELECT count(*) AS count FROM tasks WHERE finished_at IS NULL'
    return this.#statements.all(sql)[0]?.['count'] as number
  }

  /** Those of these tasks that are there. */
  read(ids: readonly string[]): readonly ExportedTask[] {
    return readTasks(this.#statements, ids)
  }

  /** All of it is committed and synced, or nothing. */
  write(work: (tx: ImportTransaction) => void): void {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      work({
        addTasks: (tasks) => this.#addTasks(tasks),
        addRows: (table, rows) => this.#addRows(table, rows),
        saveTotals: (totals) => this.#saveTotals(totals),
        saveState: (text) => this.#insert('notes', ['name', 'text'], [{ name: MOVE_NOTE, text }]),
      })
      this.#db.exec('COMMIT')
    } catch (error) {
      this.#db.exec('ROLLBACK')
      throw error
    }
  }

  #addTasks(tasks: readonly ExportedTask[]): void {
    const rows = tasks.map(({ place, hasEvents, row }) => ({
      ...row,
      rowid: place,
      has_events: Number(hasEvents),
    }))
    this.#insert('tasks', ['rowid', 'has_events', ...TASK_COLUMNS], rows)
    for (const { row, events, steps } of tasks) {
      const { id, input, result } = row
      if (input !== null) this.#insert('inputs', ['id', 'input'], [{ id, input }])
      if (result !== null) this.#insert('results', ['id', 'result'], [{ id, result }])
      const ofTask = events.map((event) => ({ task_id: id, ...event }))
      this.#insert('events', ['task_id', 'seq', 'type', 'status', 'at', 'body'], ofTask)
      this.#insert('steps', ['task_id', 'name', 'value', 'saved_at'], steps)
    }
  }

  #addRows(table: ExportedTable, rows: readonly Row[]): void {
    this.#insert(table, EXPORTED_TABLES[table], rows)
  }

  #saveTotals(totals: ReadonlyMap<string, number>): void {
    for (const [status, count] of totals) {
      const name = TOTAL_NOTES[status]
      if (name === undefined) this.#insert('totals', ['status', 'count'], [{ status, count }])
      else this.#insert('notes', ['name', 'text'], [{ name, text: `${count}` }])
    }
  }

  #insert(
    table: string,
    columns: readonly string[],
    rows: readonly Readonly<Record<string, unknown>>[],
  ): void {
    const marks = columns.map(() => '?').join(', ')
    const sql = `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${marks})`
    const statement = this.#statements.of(sql)
    for (const row of rows) statement.run(...columns.map((column) => (row[column] ?? null) as SqlValue))
  }

  [Symbol.dispose](): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    this.#db.close()
    this.#lock[Symbol.dispose]()
  }
}
