import { groupFailures, MAX_FAILURES, type FailedTask, type FailureQuery } from '../../failure-groups.ts'
import type { Row } from '../../rows.ts'
import type { Statements } from '../statements.ts'

/** One row for each group of failures. */
export function selectFailures(db: Statements, query: FailureQuery): readonly Row[] {
  const { since, until, caller } = query
  const sql = `SELECT id, type, finished_at AS finishedAt,
      json_extract(state, '$.failure.errorType') AS errorType,
      json_extract(state, '$.failure.message') AS message
    FROM tasks WHERE status IN ('error', 'timeout', 'expired') AND finished_at BETWEEN :since AND :until
      ${caller === undefined ? '' : 'AND caller = :caller'}
    ORDER BY finished_at DESC LIMIT ${MAX_FAILURES}`
  const failed = db.of(sql).iterate({ since, until, ...(caller === undefined ? {} : { caller }) })
  const groups = groupFailures(failed as unknown as Iterable<FailedTask>, query)
  return groups.map((group) => ({
    ...group,
    ids: JSON.stringify(group.ids),
    counts: JSON.stringify(group.counts),
  }))
}
