import { NOT_DUE } from '../../journal/journal.ts'
import { TASK_COLUMNS } from '../../journal/rows.ts'
import { toTurnsTaken } from '../admission/turns.ts'
import { ENTRY_COLUMNS } from '../journal/rows.ts'

export interface OneTripForm {
  /** What takes tickets; null: no slot is free. */
  readonly fetchText: string | null
  /** Whether runs have come to their ends: looking for none costs half of what a claim does. */
  readonly hasEnds: boolean
  /** Whether callers take turns. */
  readonly hasTurns: boolean
  /** Whether an end may have steps, or webhooks of those who have joined. */
  readonly hasLeftovers: boolean
}

/**
 * An exchange as one statement, for what is usual: runs that have come to their ends, and first runs that begin. Every
 * part of it sees the database as it was at its beginning, but an update that meets a newer version of its row compares
 * its fence with that one. Tickets are locked before tasks, and the counters are changed last, as everywhere. Rows are
 * found by their ids, given as an array: no plan of it reads more than those, however large its tables were thought to be.
 *
 * $1 this process; with a claim the instant and the types that may start without a further look; with ends these, and
 * their ids.
 */
export function toOneTripText({ fetchText, hasEnds, hasTurns, hasLeftovers }: OneTripForm): string {
  const isClaim = fetchText !== null
  const settles = hasEnds ? [toSettle(isClaim ? 4 : 2), ...(hasLeftovers ? [LEFTOVERS] : [])] : []
  const claims = isClaim ? [...toClaim(fetchText), ...(hasTurns ? [TAKEN] : [])] : []
  const is = { isClaim, hasEnds }
  const parts = [...settles, ...claims, toEvents(is), toCounted(is)]
  const select = isClaim ? toSelect(hasEnds) : `SELECT settled.* FROM (${REFUSED}) AS settled`
  return `WITH ${parts.join(',\n')} ${select}`
}

/**
 * As `APPEND` and `writeEnds` of the journal: what is refused is decided over its newest version, in a transaction. What
 * follows the newest version of a run is an end of that run, whose status and level are known.
 *
 * @param first number of the parameter with the ends; that of their ids follows
 */
const toSettle = (first: number) => `
  given AS (SELECT * FROM json_to_recordset($${first}) AS given(${ENTRY_COLUMNS}, result text)),
  held AS (
    SELECT FROM pgboss.job_common
      WHERE name = 'tasks' AND id = ANY ($${first + 1}::text[]::uuid[]) ORDER BY id FOR UPDATE),
  changed AS (
    UPDATE headgate.tasks SET status = given.status, last_seq = given.last_seq, finished_at = given.finished_at,
        state = given.state, error_type = given.error_type, message = given.message, member = NULL
      FROM given
      WHERE (SELECT count(*) FROM held) >= 0 AND tasks.id = ANY ($${first + 1}) AND tasks.id = given.id
        AND tasks.last_seq = given.last_seq - 1 AND tasks.run = given.run AND tasks.finished_at IS NULL
      RETURNING tasks.id),
  ended AS (SELECT * FROM given WHERE id = ANY (ARRAY (SELECT id FROM changed))),
  removed AS (
    DELETE FROM pgboss.job_common
      WHERE name = 'tasks' AND id = ANY (ARRAY (SELECT id::uuid FROM changed))),
  results AS (INSERT INTO headgate.results SELECT id, result FROM ended WHERE result IS NOT NULL)`

/** What only a task has that was joined, or kept steps: looking for it costs more than most ends. */
const LEFTOVERS = `
  due AS (
    UPDATE headgate.deliveries SET next_at = ended.at FROM ended
      WHERE task_id = ended.id AND next_at = ${NOT_DUE}),
  steps AS (DELETE FROM headgate.steps USING ended WHERE task_id = ended.id)`

/**
 * Only first runs: what they change in `state` is known without reading it, and of two values of one name in a JSON
 * text the last one counts. What cannot start like this belongs to this process, until it has looked at it. Whether a
 * task is queued is asked of its row: PostgreSQL is not to look for it among all that are.
 */
const toClaim = (fetchText: string) => [
  `fetched AS (${fetchText})`,
  `
  started AS (
    UPDATE headgate.tasks SET status = 'running', run = 1, last_seq = last_seq + 1, member = $1,
        state = left(state, -1) || ',"attempt":1,"startedAt":' || $2::bigint || ',"waitMs":'
          || greatest(0, $2::bigint - created_at) || '}'
      WHERE id = ANY (ARRAY (SELECT id::text FROM fetched)) AND coalesce(status = 'queued' AND run = 0
        AND finished_at IS NULL AND type = ANY ($3) AND coalesce(start_deadline_at >= $2, true), false)
      RETURNING ${TASK_COLUMNS}, ticket)`,
  `
  left_over AS (
    UPDATE headgate.tasks SET member = $1
      WHERE (SELECT count(*) FROM started) < (SELECT count(*) FROM fetched) AND finished_at IS NULL
        AND id = ANY (ARRAY (SELECT id::text FROM fetched EXCEPT SELECT id FROM started)))`,
]

const TAKEN = `
  turned AS (${toTurnsTaken('$1', '(SELECT priority, ticket FROM started)')})`

type Parts = Pick<OneTripForm, 'hasEnds'> & { readonly isClaim: boolean }

const toEvents = ({ isClaim, hasEnds }: Parts) => `
  events AS (
    INSERT INTO headgate.events ${toUnion([
      hasEnds ? 'SELECT id, last_seq, event_type, status, at, body FROM ended' : null,
      isClaim ? `SELECT id, last_seq, 'started', status, $2::bigint, '{"attempt":1}' FROM started` : null,
    ])})`

const toCounted = ({ isClaim, hasEnds }: Parts) => `
  counted AS (
    INSERT INTO headgate.counters SELECT $1, name, priority, sum(count) FROM (
        ${toUnion([
          hasEnds ? `SELECT 'running' AS name, priority, -1 AS count FROM ended` : null,
          hasEnds ? 'SELECT status AS name, priority, 1 AS count FROM ended' : null,
          isClaim ? `SELECT 'queued' AS name, priority, -1 AS count FROM started` : null,
          isClaim ? 'SELECT status AS name, priority, 1 AS count FROM started' : null,
        ])}) AS moves
      GROUP BY name, priority HAVING sum(count) <> 0 ORDER BY name, priority
      ON CONFLICT (member, name, priority) DO UPDATE SET count = counters.count + excluded.count)`

function toUnion(selects: readonly (string | null)[]): string {
  return selects.filter((each) => each !== null).join('\n        UNION ALL ')
}

const REFUSED = `
    SELECT array_agg(id) AS refused FROM given WHERE id <> ALL (ARRAY (SELECT id FROM changed))`

const CLAIMED = `
      SELECT fetched.id::text AS ticket_id, fetched."retryCount" AS attempt, started.*
        FROM fetched LEFT JOIN started ON started.id = fetched.id::text`

/** The left side of a join is read first: runs are settled before tasks are claimed. */
const toSelect = (hasEnds: boolean) => `
  SELECT ${hasEnds ? 'refused, ' : ''}taken.*,
      (SELECT input FROM headgate.inputs WHERE inputs.id = taken.id) AS input
    FROM ${hasEnds ? `(${REFUSED}) AS settled LEFT JOIN ` : ''}(${CLAIMED}) AS taken ${hasEnds ? 'ON true' : ''}`
