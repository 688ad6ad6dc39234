import { createHash } from 'node:crypto'
import type { ExportedTask } from '../../journal/sqlite/export.ts'
import { HeadgateError } from '../../task/errors.ts'
import type { Database } from '../database/database.ts'
import { toPlainText } from './write-tasks.ts'

/** One text of everything that is kept of a task, in the database; the same as `toText`. */
const TEXT = `concat_ws(chr(1), id, type, caller, priority, status, run, last_seq, created_at, finished_at,
  CASE WHEN has_events THEN 1 ELSE 0 END, spool_id, content, fixed, state,
  (SELECT input FROM headgate.inputs WHERE inputs.id = tasks.id),
  (SELECT result FROM headgate.results WHERE results.id = tasks.id),
  (SELECT string_agg(concat_ws(chr(2), seq, type, status, at, body), chr(3) ORDER BY seq)
    FROM headgate.events WHERE task_id = tasks.id),
  (SELECT string_agg(concat_ws(chr(2), name, value, saved_at), chr(3) ORDER BY name COLLATE "C")
    FROM headgate.steps WHERE task_id = tasks.id))`

/**
 * Compares the digests of tasks, with their inputs, results, events and steps, with those in the database.
 * @throws HeadgateError `move-failed` that names the first task that differs.
 */
export async function verifyTasks(db: Database, page: readonly ExportedTask[]): Promise<void> {
  const rows = await db.query<{ id: string; digest: string }>(
    `SELECT id, encode(sha256(convert_to(${TEXT}, 'UTF8')), 'hex') AS digest FROM headgate.tasks WHERE id = ANY ($1)`,
    [page.map(({ row }) => row.id)],
  )
  const digests = new Map(rows.map(({ id, digest }) => [id, digest]))
  for (const task of page) {
    const digest = createHash('sha256').update(toText(task)).digest('hex')
    if (digests.get(task.row.id) !== digest) throw failed(`Task ${task.row.id}`)
  }
}

/** @throws HeadgateError `move-failed` */
export function assertCount(what: string, moved: number, expected: number): void {
  if (moved !== expected) throw failed(`${moved} of ${expected} ${what}`)
}

function toText({ row, hasEvents, events, steps }: ExportedTask): string {
  const { id, type, caller, priority, status, run, last_seq, created_at, finished_at } = row
  const ofEvents = events.map(({ seq, type: kind, status: then, at, body }) =>
    join([seq, kind, then, at, body], 2),
  )
  const ofSteps = steps
    .map((step) => [String(step['name']), String(step['value']), Number(step['saved_at'] ?? 0)] as const)
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((step) => join(step, 2))
  const about = [id, type, caller, priority, status, run, last_seq, created_at, finished_at]
  const texts = [row.spool_id, row.content, row.fixed, row.state, row.input, row.result]
  const lists = [ofEvents, ofSteps].map((each) => (each.length === 0 ? null : each.join('\u0003')))
  return join([...about, hasEvents ? 1 : 0, ...texts, ...lists], 1)
}

/** As `concat_ws`, which leaves out what is null. */
function join(parts: readonly (string | number | null)[], separator: number): string {
  return parts
    .filter((part) => part !== null)
    .map((part) => toPlainText(String(part)))
    .join(String.fromCodePoint(separator))
}

function failed(what: string): HeadgateError {
  return new HeadgateError('move-failed', `${what}: what is in the database is not what is in the journal.`)
}
