import { NOT_DUE } from '../../journal/journal.ts'
import { TASK_COLUMNS } from '../../journal/rows.ts'
import { toTurnsTaken } from '../admission/turns.ts'
import { ENTRY_COLUMNS } from '../journal/rows.ts'

/**
 * An exchange as one statement, for what is usual: runs that have come to their ends, and first runs that begin. Every
 * part of it sees the database as it was at its beginning, but a row that is locked is read as it then is; so each
 * fence is compared after a lock. Tickets are locked before tasks, and the counters are changed last, as everywhere.
 *
 * $1 the ends, $2 their ids, in order, $3 this process, $4 the instant, $5 the types that may start without a further look.
 */
export function toOneTripText(
  fetchText: string | null,
  { hasTurns, hasLeftovers }: { readonly hasTurns: boolean; readonly hasLeftovers: boolean },
): string {
  const parts = fetchText === null ? [] : [...claim(fetchText), ...(hasTurns ? [TAKEN] : [])]
  const written = [
    SETTLE,
    ...(hasLeftovers ? [LEFTOVERS] : []),
    ...parts,
    events(parts.length > 0),
    counters(parts.length > 0),
  ]
  return `WITH ${written.join(',\n')} ${parts.length > 0 ? SELECT_BOTH : `SELECT settled.* FROM (${REFUSED}) AS settled`}`
}

/** As `APPEND` and `writeEnds` of the journal: what is refused is decided over its newest version, in a transaction. */
const SETTLE = `
  given AS (SELECT * FROM json_to_recordset($1) AS given(${ENTRY_COLUMNS}, result text)),
  held AS (
    SELECT job.* FROM unnest($2::uuid[]) AS of_run CROSS JOIN LATERAL (
      SELECT name, id FROM pgboss.job_common WHERE name = 'tasks' AND job_common.id = of_run FOR UPDATE) AS job),
  locked AS (
    SELECT given.last_seq - 1 AS follows, given.run AS of_run, tasks.*
      FROM (SELECT * FROM given ORDER BY id COLLATE "C") AS given CROSS JOIN LATERAL (
        SELECT id, status, priority, run, last_seq, finished_at FROM headgate.tasks
          WHERE tasks.id = given.id FOR UPDATE) AS tasks
      WHERE (SELECT count(*) FROM held) >= 0),
  before AS (
    SELECT id, status, priority FROM locked WHERE last_seq = follows AND run = of_run AND finished_at IS NULL),
  changed AS (
    UPDATE headgate.tasks SET status = given.status, last_seq = given.last_seq, finished_at = given.finished_at,
        state = given.state, error_type = given.error_type, message = given.message, member = NULL
      FROM given JOIN before ON before.id = given.id
      WHERE tasks.id = before.id AND tasks.last_seq = given.last_seq - 1
      RETURNING tasks.id, before.status, before.priority),
  ended AS (SELECT given.* FROM given JOIN changed ON changed.id = given.id),
  removed AS (
    DELETE FROM pgboss.job_common USING held JOIN changed ON changed.id::uuid = held.id
      WHERE job_common.name = held.name AND job_common.id = held.id),
  results AS (INSERT INTO headgate.results SELECT id, result FROM ended WHERE result IS NOT NULL)`

/** What only a task has that was joined, or kept steps: looking for it costs more than most ends. */
const LEFTOVERS = `
  due AS (
    UPDATE headgate.deliveries SET next_at = ended.at FROM ended
      WHERE task_id = ended.id AND next_at = ${NOT_DUE}),
  steps AS (DELETE FROM headgate.steps USING ended WHERE task_id = ended.id)`

/**
 * Only first runs: what they change in `state` is known without reading it, and of two values of one name in a JSON
 * text the last one counts. What cannot start like this belongs to this process, until it has looked at it.
 */
function claim(fetchText: string): readonly string[] {
  return [
    `fetched AS (${fetchText})`,
    `
  candidates AS (
    SELECT tasks.* FROM fetched CROSS JOIN LATERAL (
      SELECT id AS task_id, last_seq AS seq, run AS runs_before, finished_at IS NULL AS is_unfinished,
          status = 'queued' AND type = ANY ($5) AND coalesce(start_deadline_at >= $4, true) AS may_start
        FROM headgate.tasks WHERE tasks.id = fetched.id::text FOR UPDATE) AS tasks)`,
    `
  started AS (
    UPDATE headgate.tasks SET status = 'running', run = 1, last_seq = last_seq + 1, member = $3,
        state = left(state, -1) || ',"attempt":1,"startedAt":' || $4::bigint || ',"waitMs":'
          || greatest(0, $4::bigint - created_at) || '}'
      FROM candidates WHERE tasks.id = task_id AND last_seq = seq AND runs_before = 0 AND may_start
      RETURNING ${TASK_COLUMNS}, ticket)`,
    `
  left_over AS (
    UPDATE headgate.tasks SET member = $3 FROM candidates
      WHERE (SELECT count(*) FROM started) < (SELECT count(*) FROM candidates)
        AND tasks.id = task_id AND is_unfinished AND NOT EXISTS (SELECT FROM started WHERE started.id = task_id))`,
  ]
}

const TAKEN = `
  turned AS (${toTurnsTaken('$3', '(SELECT priority, ticket FROM started)')})`

function events(hasClaim: boolean): string {
  return `
  events AS (
    INSERT INTO headgate.events SELECT id, last_seq, event_type, status, at, body FROM ended
      ${hasClaim ? `UNION ALL SELECT id, last_seq, 'started', status, $4::bigint, '{"attempt":1}' FROM started` : ''})`
}

function counters(hasClaim: boolean): string {
  const started = `
        UNION ALL SELECT 'queued', priority, -1 FROM started UNION ALL SELECT status, priority, 1 FROM started`
  return `
  counted AS (
    INSERT INTO headgate.counters SELECT $3, name, priority, sum(count) FROM (
        SELECT status AS name, priority, -1 AS count FROM changed
        UNION ALL SELECT status, priority, 1 FROM ended${hasClaim ? started : ''}) AS moves
      GROUP BY name, priority HAVING sum(count) <> 0 ORDER BY name, priority
      ON CONFLICT (member, name, priority) DO UPDATE SET count = counters.count + excluded.count)`
}

const REFUSED = `
    SELECT array_agg(given.id) AS refused FROM given
      WHERE NOT EXISTS (SELECT FROM changed WHERE changed.id = given.id)`

/** The left side of a join is read first: runs are settled before tasks are claimed. */
const SELECT_BOTH = `
  SELECT refused, taken.*, (SELECT input FROM headgate.inputs WHERE inputs.id = taken.id) AS input
    FROM (${REFUSED}) AS settled LEFT JOIN (
      SELECT fetched.id::text AS ticket_id, fetched."retryCount" AS attempt, started.*
        FROM fetched LEFT JOIN started ON started.id = fetched.id::text) AS taken ON true`
