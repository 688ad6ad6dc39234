import { createHash } from 'node:crypto'
import type { ExportedTask } from '../../journal/sqlite/exported-tasks.ts'
import type { Statements } from '../database/database.ts'
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

/** Digests of tasks in the database, with their inputs, results, events and steps. */
export async function selectDigests(
  db: Statements,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await db.query<{ id: string; digest: string }>(
    `SELECT id, encode(sha256(convert_to(${TEXT}, 'UTF8')), 'hex') AS digest FROM headgate.tasks WHERE id = ANY ($1)`,
    [ids],
  )
  return new Map(rows.map(({ id, digest }) => [id, digest]))
}

/** The digest of a task that was read, with its input, result, events and steps. */
export function toDigest(task: ExportedTask): string {
  return createHash('sha256').update(toText(task)).digest('hex')
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
