import { onTestFinished } from 'vitest'
import type { Database } from '../../../src/cluster/database/database.ts'
import type { Json } from '../../support/server.ts'
import { isResultOf, type Promised } from './clients.ts'

/** Records, in the database itself, who began which run, and every change of a task that had ended. */
const AUDIT = [
  'CREATE SCHEMA audit',
  'CREATE TABLE audit.runs (id text COLLATE "C", run integer, member integer)',
  // The check at the end looks for the runs of each task.
  'CREATE INDEX runs_by_task ON audit.runs (id, run)',
  'CREATE TABLE audit.late (id text)',
  `CREATE FUNCTION audit.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    IF NEW.run <> OLD.run THEN INSERT INTO audit.runs VALUES (NEW.id, NEW.run, NEW.member); END IF;
    IF OLD.finished_at IS NOT NULL AND (NEW.status, NEW.last_seq) <> (OLD.status, OLD.last_seq) THEN
      INSERT INTO audit.late VALUES (NEW.id);
    END IF;
    RETURN NULL;
  END $$`,
  'CREATE TRIGGER audit AFTER UPDATE ON headgate.tasks FOR EACH ROW EXECUTE FUNCTION audit.record()',
]

export async function startAudit(db: Database): Promise<void> {
  for (const statement of AUDIT) await db.query(statement)
}

/** What never is, not even between two statements of a process. */
const NEVER = {
  'an unfinished task has no ticket': `SELECT id FROM headgate.tasks WHERE finished_at IS NULL
    AND NOT EXISTS (SELECT FROM pgboss.job WHERE job.name = 'tasks' AND job.id::text = tasks.id)`,
  // Read from the tickets, of which there are few: tasks that have ended become more and more.
  'a task that has ended has a ticket': `SELECT tasks.id FROM pgboss.job
    JOIN headgate.tasks ON tasks.id = job.id::text WHERE job.name = 'tasks' AND finished_at IS NOT NULL`,
  'the limit of a resource is exceeded': `SELECT resource AS id FROM headgate.accounts
    WHERE resource = 'unit' AND state <> '' AND json_array_length(state::json->'held') > 2`,
}

/** Looks again and again, until the test ends; what it has seen that never is. */
export function watchSnapshots(db: Database, everyMs = 100): Set<string> {
  const seen = new Set<string>()
  let isOver = false
  onTestFinished(() => void (isOver = true))
  const look = async () => {
    for (const [what, sql] of Object.entries(NEVER)) {
      const rows = await db.query<{ id: string }>(sql)
      if (rows.length > 0) seen.add(what)
    }
  }
  const next = () => {
    if (isOver) return
    // The database may be away.
    void look()
      .catch(() => undefined)
      .then(() => setTimeout(next, everyMs))
  }
  next()
  return seen
}

interface Row extends Record<string, unknown> {
  readonly id: string
  readonly status: string
  readonly isEnded: boolean
  readonly last: number
  readonly events: number
  readonly first: number
  readonly highest: number
  readonly ends: number
  readonly why: string
  readonly result: string | null
  /** Who began its newest run. */
  readonly worker: string | null
  readonly runs: number
}

/** A task whose process ends this often while it runs is taken for the cause, and ends. */
const CRASH_LOOP = 3

/** The rows of all tasks against what clients were answered: what is wrong with them. */
export async function findViolations(
  db: Database,
  promised: ReadonlyMap<string, Promised>,
): Promise<readonly string[]> {
  const rows = await db.query<Row>(
    `SELECT id, tasks.status, finished_at IS NOT NULL AS "isEnded", last_seq AS last, count(*)::integer AS events,
        min(seq) AS first, max(seq) AS highest,
        (count(*) FILTER (WHERE events.type IN ('result', 'error')))::integer AS ends,
        concat_ws(': ', error_type, message) AS why,
        (SELECT result FROM headgate.results WHERE results.id = tasks.id) AS result,
        (SELECT name FROM audit.runs JOIN headgate.members ON members.id = runs.member
          WHERE runs.id = tasks.id ORDER BY runs.run DESC LIMIT 1) AS worker,
        (SELECT count(*)::integer FROM audit.runs WHERE runs.id = tasks.id) AS runs
      FROM headgate.tasks JOIN headgate.events ON task_id = id
      GROUP BY tasks.id, tasks.status, finished_at, last_seq, error_type, message`,
  )
  const found = new Set(rows.map(({ id }) => id))
  const lost = [...promised.keys()].filter((id) => !found.has(id)).map((id) => `${id}: lost`)
  return [
    ...lost,
    ...rows.flatMap((row) => judge(row, promised.get(row.id)).map((what) => `${row.id}: ${what}`)),
    ...(await judgeAudit(db)),
    ...(await judgeCounters(db, rows)),
  ]
}

function judge(row: Row, promised: Promised | undefined): readonly string[] {
  if (promised === undefined) return ['nobody submitted it']
  if (!row.isEnded) return [`has not ended: ${row.status}`]
  const { ends, events, first, highest, last, status } = row
  const result = JSON.parse(row.result ?? 'null') as Json | null
  const isCrashLoop = row.why.startsWith('crash_loop') && row.runs >= CRASH_LOOP
  const expected = promised.isCancelled ? 'cancelled' : isCrashLoop ? 'error' : 'completed'
  const isRight = status !== 'completed' || isResultOf(promised, result)
  const worker: unknown = result?.['worker'] ?? row.worker
  return [
    ends === 1 ? '' : `has ${ends} ends`,
    events === last && first === 1 && highest === last ? '' : 'its events have a gap, or repeat',
    status === expected ? '' : `${promised.kind} is ${status}, not ${expected}: ${row.why}`,
    isRight ? '' : 'has the result of another task',
    worker === row.worker ? '' : 'ended by a run that was over',
  ].filter((what) => what !== '')
}

async function judgeAudit(db: Database): Promise<readonly string[]> {
  const late = await db.query<{ id: string }>('SELECT id FROM audit.late')
  const twice = await db.query<{ id: string }>(
    'SELECT id FROM audit.runs GROUP BY id, run HAVING count(*) > 1',
  )
  return [
    ...late.map(({ id }) => `${id}: changed after its end`),
    ...twice.map(({ id }) => `${id}: one run began twice`),
  ]
}

async function judgeCounters(db: Database, rows: readonly Row[]): Promise<readonly string[]> {
  const counted = await db.query<{ name: string; count: number }>(
    `SELECT name, sum(count)::bigint AS count FROM headgate.counters
      WHERE name NOT IN ('rejected', 'retried') GROUP BY name HAVING sum(count) <> 0`,
  )
  const right = new Map([...Map.groupBy(rows, ({ status }) => status)].map(([name, of]) => [name, of.length]))
  const names = new Set([...right.keys(), ...counted.map(({ name }) => name)])
  return [...names].flatMap((name) => {
    const count = counted.find((each) => each.name === name)?.count ?? 0
    return count === (right.get(name) ?? 0) ? [] : [`${count} are counted as ${name}, not ${right.get(name)}`]
  })
}
