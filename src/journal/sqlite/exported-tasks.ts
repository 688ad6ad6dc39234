import { TASK_COLUMNS, type EventRow, type Row, type WholeTaskRow } from '../rows.ts'
import type { Statements } from './statements.ts'

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

/** A page ends after this much text, characters. */
export const PAGE_CHARS = 4 * 1024 * 1024

const SELECT = `SELECT tasks.rowid AS place, has_events, ${TASK_COLUMNS}, input, result FROM tasks
  LEFT JOIN inputs ON inputs.id = tasks.id LEFT JOIN results ON results.id = tasks.id`

/** Tasks in the order of their admission, those behind a place, as many as are read at once. */
export function readPage(statements: Statements, after: number, limit: number): readonly ExportedTask[] {
  const sql = `${SELECT} WHERE tasks.rowid > ? ORDER BY tasks.rowid LIMIT ?`
  const page: ExportedTask[] = []
  let chars = 0
  for (const found of statements.of(sql).iterate(after, limit)) {
    const task = toExportedTask(statements, found as unknown as FoundRow)
    page.push(task)
    chars += countChars(task)
    if (chars > PAGE_CHARS) break
  }
  return page
}

/** Those of these tasks that are there. */
export function readTasks(statements: Statements, ids: readonly string[]): readonly ExportedTask[] {
  const rows = ids.flatMap((id) => statements.all(`${SELECT} WHERE tasks.id = ?`, id))
  return rows.map((row) => toExportedTask(statements, row as unknown as FoundRow))
}

type FoundRow = WholeTaskRow & { readonly place: number; readonly has_events: number }

function toExportedTask(statements: Statements, { place, has_events, ...row }: FoundRow): ExportedTask {
  const events = statements.all(
    'SELECT seq, type, status, at, body FROM events WHERE task_id = ? ORDER BY seq',
    row.id,
  ) as unknown as readonly EventRow[]
  const steps = statements.all('SELECT task_id, name, value, saved_at FROM steps WHERE task_id = ?', row.id)
  return { place, hasEvents: has_events === 1, row, events, steps }
}

function countChars({ row, events, steps }: ExportedTask): number {
  const texts = [row.input, row.result, row.state, row.fixed, ...events.map(({ body }) => body)]
  const ofSteps = steps.map(({ value }) => value as string)
  return [...texts, ...ofSteps].reduce((sum, text) => sum + (text?.length ?? 0), 0)
}
