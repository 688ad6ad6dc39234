import { MAX_LOOKED_AT, type TaskPage, type TaskQuery } from '../../journal/journal.ts'
import { containsText } from '../../journal/matches-query.ts'
import { toTask, type WholeTaskRow } from '../../journal/rows.ts'
import { LISTED_COLUMNS } from './columns.ts'
import type { Database, Value } from '../database/database.ts'

/** Rows that are read at once where their text has to be looked at. */
const PIECE = 500

/** A page of tasks, newest first, without input and result. */
export async function selectPage(db: Database, query: TaskQuery): Promise<TaskPage> {
  const { text, limit } = query
  if (text === undefined) {
    const rows = await select(db, query, limit + 1)
    const hasMore = rows.length > limit
    const tasks = (hasMore ? rows.slice(0, limit) : rows).map((row) => toTask(row))
    return { tasks, next: hasMore ? (tasks.at(-1)?.id ?? null) : null }
  }
  const tasks = []
  let before = query.before
  for (let looked = 0; looked < MAX_LOOKED_AT; looked += PIECE) {
    const rows = await select(db, before === undefined ? query : { ...query, before }, PIECE)
    for (const row of rows) {
      const task = toTask(row)
      if (!containsText(task, text)) continue
      if (tasks.length === limit) return { tasks, next: tasks.at(-1)?.id ?? null }
      tasks.push(task)
    }
    if (rows.length < PIECE) return { tasks, next: null }
    before = rows.at(-1)?.id
  }
  return { tasks, next: before ?? null }
}

async function select(db: Database, query: TaskQuery, limit: number): Promise<readonly WholeTaskRow[]> {
  const { conditions, values } = toConditions(query)
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  // A limit as a parameter would be planned as a tenth of the table.
  const sql = `SELECT ${LISTED_COLUMNS} FROM headgate.tasks ${where} ORDER BY tasks.id DESC LIMIT ${limit}`
  return db.query<WholeTaskRow & Record<string, unknown>>(sql, values)
}

function toConditions({ statuses, type, caller, priority, errorType, ...query }: TaskQuery) {
  const given: readonly (readonly [string, Value | undefined])[] = [
    ['status = ANY (?)', statuses],
    ['type = ?', type],
    ['caller = ?', caller],
    ['priority = ?', priority],
    ['error_type = ?', errorType],
    ['created_at >= ?', query.createdFrom],
    ['created_at < ?', query.createdBefore],
    ['tasks.id < ?', query.before],
  ]
  const asked = given.filter((condition): condition is [string, Value] => condition[1] !== undefined)
  const conditions = asked.map(([condition], index) => condition.replace('?', `$${index + 1}`))
  return { conditions, values: asked.map(([, value]) => value) }
}
