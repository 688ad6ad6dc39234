import { TASK_COLUMNS, toTask, type WholeTaskRow } from '../../journal/rows.ts'
import type { Task } from '../../task/task.ts'
import type { Statements } from '../database/database.ts'

/** The newest version of a task, with what orders it. */
export interface LockedTask {
  readonly task: Task
  readonly rank: number
  readonly ticket: number
}

/** Tasks with their inputs, whose rows are locked until the end of the transaction. */
export async function selectForUpdate(
  tx: Statements,
  ids: readonly string[],
): Promise<readonly LockedTask[]> {
  const rows = await tx.query<WholeTaskRow & { readonly rank: number; readonly ticket: number }>(
    `SELECT ${TASK_COLUMNS}, rank, ticket, (SELECT input FROM headgate.inputs WHERE inputs.id = tasks.id) AS input
      FROM headgate.tasks WHERE tasks.id = ANY ($1) ORDER BY tasks.id FOR UPDATE OF tasks`,
    [ids],
  )
  return rows.map((row) => ({ task: toTask(row), rank: row.rank, ticket: row.ticket }))
}
