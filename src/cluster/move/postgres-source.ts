import { randomUUID } from 'node:crypto'
import type { NamedUpload } from '../../journal/sqlite/export.ts'
import {
  EXPORTED_TABLES,
  ID_NOTE,
  MOVE_NOTE,
  type ExportedTable,
} from '../../journal/sqlite/exported-tables.ts'
import { PAGE_CHARS, type ExportedTask } from '../../journal/sqlite/exported-tasks.ts'
import { TASK_COLUMNS, type EventRow, type Row, type WholeTaskRow } from '../../journal/rows.ts'
import { HeadgateError } from '../../task/errors.ts'
import { TERMINAL_STATUSES } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import { createNotes } from '../journal/queries.ts'
import type { CountedTable, MoveSource } from './ends.ts'
import { RESOURCES_NOTE } from '../../lifecycle/saved-counters.ts'
import { toDrawnNote, type DrawnRow } from './drawn.ts'
import { beginLeaving, endLeaving, MOVED_NOTE } from './move-note.ts'

/** Notes of this database alone. */
const OWN_NOTES: ReadonlySet<unknown> = new Set([ID_NOTE, MOVE_NOTE, MOVED_NOTE])
/** Ids that are read at once: the order of admission has no index over tasks that have ended. */
const IDS_AT_ONCE = 50_000
const UPLOADS_AT_ONCE = 1000

/** Columns that identify a row of each table, by which pages are read in order. */
const KEYS: Readonly<Record<ExportedTable, readonly string[]>> = {
  keys: ['caller', 'key'],
  deliveries: ['id'],
  erased: ['id'],
  minutes: ['minute', 'writer'],
  notes: ['name'],
}

type AnyRow = Record<string, unknown>

/** A database that no process works over, as the source of a move. */
export class PostgresSource implements MoveSource {
  readonly id: string
  readonly #db: Database
  readonly #where: string

  private constructor(db: Database, where: string, id: string) {
    this.#db = db
    this.#where = where
    this.id = id
  }

  /**
   * @param where the tasks are moved to
   * @throws HeadgateError `journal-missing`, `journal-too-new`
   */
  static async open(db: Database, where: string): Promise<PostgresSource> {
    const [found] = await db.query<{ name: string | null }>(`SELECT to_regclass('headgate.tasks') AS name`)
    if (found?.name == null)
      throw new HeadgateError(
        'journal-missing',
        'The database has no schema headgate: no process was started over it.',
      )
    await migrate(db)
    return new PostgresSource(db, where, await createNotes(db).keepNote(ID_NOTE, randomUUID()))
  }

  async begin(): Promise<void> {
    await beginLeaving(this.#db, this.#where)
  }

  async count(table: CountedTable): Promise<number> {
    const sql = `SELECT count(*)::integer AS count FROM headgate.${table}`
    return (await this.#db.query<{ count: number }>(sql))[0]?.count ?? 0
  }

  async *tasks(after: number, limit: number): AsyncGenerator<readonly ExportedTask[]> {
    for await (const ids of this.#ids(after)) {
      for (let first = 0; first < ids.length;) {
        const page = await this.#fitting(ids.slice(first, first + limit))
        yield await this.#read(page)
        first += page.length
      }
    }
  }

  /** Ids in the order of admission. */
  async *#ids(after: number): AsyncGenerator<readonly string[]> {
    for (let place = after; ;) {
      const rows = await this.#db.query<{ id: string; admitted: number }>(
        `SELECT id, admitted FROM headgate.tasks WHERE admitted > $1 ORDER BY admitted LIMIT ${IDS_AT_ONCE}`,
        [place],
      )
      const last = rows.at(-1)
      if (last === undefined) return
      yield rows.map(({ id }) => id)
      place = last.admitted
    }
  }

  /** The first of these tasks, as many as are read at once; at least one. */
  async #fitting(ids: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#db.query<{ id: string; bytes: number }>(
      `SELECT tasks.id, (octet_length(state) + octet_length(fixed)
          + coalesce((SELECT octet_length(input) FROM headgate.inputs WHERE inputs.id = tasks.id), 0)
          + coalesce((SELECT octet_length(result) FROM headgate.results WHERE results.id = tasks.id), 0)
          + coalesce((SELECT sum(octet_length(body)) FROM headgate.events WHERE task_id = tasks.id), 0)
          + coalesce((SELECT sum(octet_length(value)) FROM headgate.steps WHERE task_id = tasks.id), 0))::bigint AS bytes
        FROM headgate.tasks WHERE tasks.id = ANY ($1)`,
      [ids],
    )
    const bytes = new Map(rows.map((row) => [row.id, row.bytes]))
    let sum = 0
    const end = ids.findIndex((id) => (sum += bytes.get(id) ?? 0) > PAGE_CHARS)
    return end === -1 ? ids : ids.slice(0, Math.max(1, end))
  }

  async #read(ids: readonly string[]): Promise<readonly ExportedTask[]> {
    const rows = await this.#db.query<WholeTaskRow & AnyRow & { place: number; has_events: boolean }>(
      `SELECT admitted AS place, has_events, ${TASK_COLUMNS}, input, result FROM headgate.tasks
        LEFT JOIN headgate.inputs ON inputs.id = tasks.id LEFT JOIN headgate.results ON results.id = tasks.id
        WHERE tasks.id = ANY ($1) ORDER BY admitted`,
      [ids],
    )
    const events = await this.#db.query<EventRow & AnyRow & { task_id: string }>(
      'SELECT task_id, seq, type, status, at, body FROM headgate.events WHERE task_id = ANY ($1) ORDER BY task_id, seq',
      [ids],
    )
    const steps = await this.#db.query<Row & { task_id: string }>(
      'SELECT task_id, name, value, saved_at FROM headgate.steps WHERE task_id = ANY ($1)',
      [ids],
    )
    const eventsOf = Map.groupBy(events, ({ task_id }) => task_id)
    const stepsOf = Map.groupBy(steps, ({ task_id }) => task_id)
    return rows.map(({ place, has_events: hasEvents, ...row }) => ({
      place,
      hasEvents,
      row,
      events: eventsOf.get(row.id) ?? [],
      steps: stepsOf.get(row.id) ?? [],
    }))
  }

  async *uploads(): AsyncGenerator<NamedUpload> {
    for (let after = ''; ;) {
      const rows = await this.#db.query<{ id: string; spool_id: string; fixed: string }>(
        `SELECT id, spool_id, fixed FROM headgate.tasks WHERE spool_id IS NOT NULL AND id > $1
          ORDER BY id LIMIT ${UPLOADS_AT_ONCE}`,
        [after],
      )
      for (const { id, spool_id: spoolId, fixed } of rows) {
        const { upload } = JSON.parse(fixed) as Pick<Task, 'upload'>
        if (upload !== null) yield { taskId: id, upload: { ...upload, spoolId } }
      }
      const last = rows.at(-1)
      if (last === undefined) return
      after = last.id
    }
  }

  async *rows(table: ExportedTable, limit: number): AsyncGenerator<readonly Row[]> {
    const keys = KEYS[table]
    const columns = EXPORTED_TABLES[table].join(', ')
    const marks = keys.map((_, index) => `$${index + 1}`).join(', ')
    const behind = `WHERE (${keys.join(', ')}) > (${marks})`
    for (let last: Row | undefined; ;) {
      const sql = `SELECT ${columns} FROM headgate.${table} ${last === undefined ? '' : behind}
        ORDER BY ${keys.join(', ')} LIMIT ${limit}`
      const page = await this.#db.query<Row>(
        sql,
        last === undefined ? [] : keys.map((key) => last?.[key] as string),
      )
      last = page.at(-1)
      if (last === undefined) break
      yield table === 'notes' ? page.filter(({ name }) => !OWN_NOTES.has(name)) : page
    }
    // Behind a note of before the database had them.
    if (table === 'notes') yield await this.#drawn()
  }

  /** What resources have drawn, as one process keeps it. */
  async #drawn(): Promise<readonly Row[]> {
    const rows = await this.#db.query<DrawnRow & AnyRow>('SELECT resource, state FROM headgate.accounts')
    const text = toDrawnNote(rows)
    return text === null ? [] : [{ name: RESOURCES_NOTE, text }]
  }

  async totals(): Promise<ReadonlyMap<string, number>> {
    const names = [...TERMINAL_STATUSES, 'rejected', 'retried']
    const rows = await this.#db.query<{ name: string; count: number }>(
      'SELECT name, sum(count)::bigint AS count FROM headgate.counters WHERE name = ANY ($1) GROUP BY name',
      [names],
    )
    return new Map(rows.map(({ name, count }) => [name, count]))
  }

  async markMoved(): Promise<void> {
    await endLeaving(this.#db, this.#where)
  }
}
