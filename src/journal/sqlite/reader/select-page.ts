import { isTerminal } from '../../../task/status.ts'
import type { Task } from '../../../task/task.ts'
import { MAX_LOOKED_AT, type TaskQuery } from '../../journal.ts'
import { containsText } from '../../matches-query.ts'
import { TASK_COLUMNS, type Row } from '../../rows.ts'
import type { Statements } from '../statements.ts'

type SqlValues = Record<string, string | number>

/** Tasks that an index leads to, newest first: one condition for each part of it. */
interface Leading {
  /** Of each the newest are taken, and of all of these the newest. */
  readonly parts: readonly string[]
  readonly values: SqlValues
  /** What is left to look at row by row. */
  readonly rest: Omit<TaskQuery, 'limit' | 'before'>
}

/** The rows of a page, then the id to continue from, when it is not the last one. */
export function selectPage(db: Statements, query: TaskQuery): readonly Row[] {
  const { limit, before = '~' } = query
  const { parts, values, rest } = lead(query)
  const { conditions, values: asked } = toConditions(rest)
  const given = { before, ...values }
  if (conditions.length === 0) {
    const rows = db.of(newest(parts)).all({ ...given, count: limit + 1, offset: 0 }) as Row[]
    if (rows.length <= limit) return rows
    return [...rows.slice(0, limit), { next: rows[limit - 1]?.['id'] ?? null }]
  }
  const near = `SELECT place FROM (${newest(parts, LOOKED_AT)}) WHERE ${conditions.join(' AND ')}`
  const found = db.of(`SELECT ${TASK_COLUMNS} FROM (${near}) CROSS JOIN tasks ON tasks.rowid = place`)
  const rows: Row[] = []
  for (const row of found.iterate({
    ...given,
    ...asked,
    count: MAX_LOOKED_AT,
    offset: 0,
  }) as IterableIterator<Row>) {
    if (rest.text !== undefined && !rowContains(row, rest.text)) continue
    if (rows.length === limit) return [...rows, { next: rows.at(-1)?.['id'] ?? null }]
    rows.push(row)
  }
  const last = db.of(newest(parts)).get({ ...given, count: 1, offset: MAX_LOOKED_AT - 1 })
  return last === undefined ? rows : [...rows, { next: last['id'] as string }]
}

/** What rows are chosen by: those that are passed over are not copied whole. */
const LOOKED_AT = 'tasks.rowid AS place, id, status, priority, created_at, fixed, state'

/** The newest `:count` tasks of all parts together, without the first `:offset`. */
function newest(parts: readonly string[], columns = TASK_COLUMNS): string {
  const select = (part: string) =>
    `SELECT ${columns} FROM tasks WHERE ${part} AND id < :before ORDER BY id DESC LIMIT :count`
  const [first = 'true', second] = parts
  if (second === undefined) return `${select(first)} OFFSET :offset`
  const union = parts.map((part) => `SELECT * FROM (${select(part)})`).join(' UNION ALL ')
  return `SELECT * FROM (${union}) ORDER BY id DESC LIMIT :count OFFSET :offset`
}

/** Those that have not ended are kept in memory too, and listed from there. */
const ENDED_ONLY = 'finished_at IS NOT NULL'
/** As the index says it. */
const NOT_COMPLETED = "status <> 'completed'"
const ERROR_TYPE = "json_extract(state, '$.failure.errorType')"

function lead(query: TaskQuery): Leading {
  const { caller, type, statuses, priority, errorType, createdFrom, createdBefore, text } = query
  if (errorType !== undefined && caller === undefined && type === undefined) {
    const parts = [`${ERROR_TYPE} = :errorType AND ${ENDED_ONLY} AND ${NOT_COMPLETED}`]
    const rest = withoutAbsent({ statuses, priority, createdFrom, createdBefore, text })
    return { parts, values: { errorType }, rest }
  }
  const others = withoutAbsent({ priority, errorType, createdFrom, createdBefore, text })
  const given = withoutAbsent({ caller, type })
  const conditions = Object.keys(given).map((name) => `${name} = :${name}`)
  // Most tasks of a caller or a type have completed: they are found by looking.
  const isOfMost = statuses?.includes('completed') === true && conditions.length > 0
  // Several statuses are looked at row by row where each row is looked at anyway.
  const isLedByStatus =
    statuses?.every(isTerminal) === true &&
    !isOfMost &&
    (statuses.length === 1 || Object.keys(others).length === 0)
  if (!isLedByStatus) {
    const rest = { ...others, ...withoutAbsent({ statuses }) }
    return { parts: [conditions.join(' AND ') || 'true'], values: given, rest }
  }
  const names = statuses.map((each, index) => [`status${index}`, each] as const)
  const which = conditions.length === 0 ? [ENDED_ONLY] : [ENDED_ONLY, NOT_COMPLETED]
  const parts = names.map(([name]) => [`status = :${name}`, ...which, ...conditions].join(' AND '))
  return { parts, values: { ...given, ...Object.fromEntries(names) }, rest: others }
}

/** The fields that are there. */
function withoutAbsent<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

/**
 * Passes over most rows that do not contain a text. Metadata is compared as JSON, what is a string is escaped in it; SQLite
 * ignores the case of ASCII letters alone. `LIKE` makes no copy of what it compares.
 */
const MAY_CONTAIN = String.raw`(fixed LIKE :pattern ESCAPE '\' OR instr(id, :text) > 0
  OR octet_length(fixed) > length(fixed))`
const MAY_CONTAIN_EITHER = String.raw`(fixed LIKE :plain ESCAPE '\' OR ${MAY_CONTAIN})`

/** What is looked at row by row, in SQL. */
function toConditions(rest: Leading['rest']): {
  readonly conditions: readonly string[]
  readonly values: SqlValues
} {
  const { statuses, priority, errorType, createdFrom, createdBefore, text } = rest
  const given: readonly (readonly [condition: string, values: { readonly [name: string]: unknown }])[] = [
    [
      'status IN (SELECT value FROM json_each(:statuses))',
      { statuses: statuses && JSON.stringify(statuses) },
    ],
    ['priority = :priority', { priority }],
    // Most rows are passed over without being parsed.
    [`instr(state, '"' || :errorType || '"') > 0 AND ${ERROR_TYPE} = :errorType`, { errorType }],
    ['created_at >= :createdFrom', { createdFrom }],
    ['created_at < :createdBefore', { createdBefore }],
    ...toTextConditions(text?.toLowerCase()),
  ]
  const asked = given.filter(([, values]) => Object.values(values).every((value) => value !== undefined))
  return {
    conditions: asked.map(([condition]) => condition),
    values: Object.assign({}, ...asked.map(([, values]) => values)) as SqlValues,
  }
}

/** A text, and how it is written in a string of JSON, where that is something else. */
function toTextConditions(text: string | undefined): readonly (readonly [string, SqlValues])[] {
  if (text === undefined) return []
  const escaped = JSON.stringify(text).slice(1, -1)
  const values = { text, pattern: toPattern(escaped) }
  if (escaped === text) return [[MAY_CONTAIN, values]]
  return [[MAY_CONTAIN_EITHER, { ...values, plain: toPattern(text) }]]
}

function toPattern(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}

function rowContains({ id, fixed }: Row, text: string): boolean {
  return containsText({ ...(JSON.parse(fixed as string) as Task), id: id as string }, text)
}
