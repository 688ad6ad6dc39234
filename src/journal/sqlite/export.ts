import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { HeadgateError } from '../../task/errors.ts'
import type { Task, Upload } from '../../task/task.ts'
import type { Row } from '../rows.ts'
import { readPage, type ExportedTask } from './exported-tasks.ts'
import { EXPORTED_TABLES, ID_NOTE, OWN_NOTES, TOTAL_NOTES, type ExportedTable } from './exported-tables.ts'
import { filesIn, type JournalFiles } from './open/files.ts'
import { sizeOfFile } from './open/folder.ts'
import { takeLock } from './open/lock.ts'
import { openJournal } from './open/open.ts'
import { MIGRATIONS } from './schema.ts'
import { Statements } from './statements.ts'
import { syncPathSync } from '../../sync-path.ts'

export interface NamedUpload {
  readonly taskId: string
  readonly upload: Upload
}

const OWNER_ONLY = 0o600

/** A journal that no server uses, read from its beginning to its end, to be written somewhere else. */
export class JournalExport implements Disposable {
  /** The same each time the journal is exported. */
  readonly id: string
  readonly #files: JournalFiles
  readonly #where: string
  readonly #lock: Disposable
  readonly #db: DatabaseSync
  readonly #statements: Statements

  /**
   * Opens the journal of a folder, and keeps servers away from it until it is closed.
   *
   * @param where the tasks are moved to
   * @throws HeadgateError `journal-in-use`, `journal-missing`, `journal-moved`, `move-unfinished`, `journal-too-new`,
   *   `journal-corrupt`
   */
  constructor(folder: string, where: string) {
    this.#files = filesIn(folder)
    this.#where = where
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
    this.id = this.#note(ID_NOTE) as string
  }

  #note(name: string): string | undefined {
    return this.#statements.all('SELECT text FROM notes WHERE name = ?', name)[0]?.['text'] as
      string | undefined
  }

  /** Servers are kept away by the lock. */
  begin(): void {}

  /** Rows of a table. */
  count(table: 'tasks' | Exclude<ExportedTable, 'notes'>): number {
    const [row] = this.#statements.all(`SELECT count(*) AS count FROM ${table}`)
    return row?.['count'] as number
  }

  /** Pages of tasks in the order of their admission, those behind a place. */
  *tasks(after: number, limit: number): Generator<readonly ExportedTask[]> {
    for (let place = after; ;) {
      const page = readPage(this.#statements, place, limit)
      const last = page.at(-1)
      if (last === undefined) return
      yield page
      ;({ place } = last)
    }
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

  /** All rows of a table, a page at a time; of the notes those that belong to the tasks. */
  *rows(table: ExportedTable, limit: number): Generator<readonly Row[]> {
    const columns = EXPORTED_TABLES[table].join(', ')
    let page: Row[] = []
    for (const row of this.#statements.of(`SELECT ${columns} FROM ${table}`).iterate()) {
      if (table === 'notes' && OWN_NOTES.has(row['name'])) continue
      page.push(row as Row)
      if (page.length < limit) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }

  /**
   * How many tasks have ended with each status since the first start, those that were erased included, and how many were
   * `rejected` and `retried`.
   */
  totals(): ReadonlyMap<string, number> {
    const rows = this.#statements.all('SELECT status, count FROM totals')
    const totals = new Map(rows.map(({ status, count }) => [status as string, count as number]))
    for (const [name, note] of Object.entries(TOTAL_NOTES)) totals.set(name, Number(this.#note(note) ?? 0))
    return totals
  }

  /** From now on no server starts over this journal: its tasks would run twice. */
  markMoved(): void {
    writeFileSync(this.#files.moved, `${this.#where}\n`, { mode: OWNER_ONLY, flush: true })
    syncPathSync(this.#files.folder)
  }

  [Symbol.dispose](): void {
    this.#db.close()
    this.#lock[Symbol.dispose]()
  }
}
