import { combineRows } from '../../history/minute.ts'
import { groupFailures, MAX_FAILURES, type FailedTask } from '../../journal/failure-groups.ts'
import {
  MAX_PAGE_CHARS,
  toPastTask,
  type DuplicateJournal,
  type HistoryJournal,
  type KeyRecord,
  type MinuteRow,
  type NoteJournal,
  type RecoveryJournal,
  type StepJournal,
  type TaskJournal,
} from '../../journal/journal.ts'
import { TASK_COLUMNS, toEvent, toTask, type EventRow, type WholeTaskRow } from '../../journal/rows.ts'
import { HeadgateError } from '../../task/errors.ts'
import type { Task } from '../../task/task.ts'
import type { Database } from '../database/database.ts'
import { selectPage } from './select-page.ts'
import { writeKeys } from './write-entries.ts'

/** A task with its input while it has not ended: both texts may be long. */
const WITH_INPUT = `SELECT ${TASK_COLUMNS}, input FROM headgate.tasks LEFT JOIN headgate.inputs
  ON inputs.id = tasks.id AND tasks.finished_at IS NULL`
const WHOLE = `SELECT ${TASK_COLUMNS}, input, result FROM headgate.tasks
  LEFT JOIN headgate.inputs ON inputs.id = tasks.id LEFT JOIN headgate.results ON results.id = tasks.id`

/** The reading half of {@link TaskJournal}. */
export function createTaskQueries(db: Database): Omit<TaskJournal, 'admit' | 'append'> {
  const whole = async (sql: string, id: string) => toTasks(await db.query(sql, [id]))[0]
  return {
    task: (id) => whole(`${WHOLE} WHERE tasks.id = $1`, id),
    find: (id) => whole(`${WITH_INPUT} WHERE tasks.id = $1`, id),
    async result(id) {
      const [row] = await db.query<{ result: string }>('SELECT result FROM headgate.results WHERE id = $1', [
        id,
      ])
      return row === undefined ? null : Buffer.from(row.result)
    },
    async resultBytes(id) {
      const sql = 'SELECT octet_length(result) AS bytes FROM headgate.results WHERE id = $1'
      const [row] = await db.query<{ bytes: number }>(sql, [id])
      return row?.bytes ?? 0
    },
    list: (query) => selectPage(db, query),
    async failures(query) {
      const { since, until, caller } = query
      const failed = await db.query<FailedTask & Record<string, unknown>>(
        `SELECT id, type, finished_at AS "finishedAt", error_type AS "errorType", message FROM headgate.tasks
          WHERE status IN ('error', 'timeout', 'expired') AND finished_at BETWEEN $1 AND $2
            AND ($3::text IS NULL OR caller = $3) ORDER BY finished_at DESC LIMIT ${MAX_FAILURES}`,
        [since, until, caller ?? null],
      )
      return groupFailures(failed, query)
    },
    eventsAfter: (taskId, seq, limit) => selectEvents(db, { taskId, seq, limit }),
  }
}

interface Page {
  readonly taskId: string
  readonly seq: number
  readonly limit: number
}

async function selectEvents(db: Database, { taskId, seq, limit }: Page) {
  const rows = await db.query<EventRow & { readonly before: number }>(
    `SELECT seq, type, status, at, body FROM (
        SELECT *, sum(length(body)) OVER (ORDER BY seq) - length(body) AS before FROM (
          SELECT * FROM headgate.events WHERE task_id = $1 AND seq > $2 ORDER BY seq LIMIT $3) AS next) AS counted
      WHERE before <= ${MAX_PAGE_CHARS} ORDER BY seq`,
    [taskId, seq, limit],
  )
  return rows.map((row) => toEvent(taskId, row))
}

export function createDuplicateQueries(db: Database): DuplicateJournal {
  return {
    saveKey: (record) => writeKeys(db, [record]),
    async keyed(caller, key) {
      const [row] = await db.query<KeyRecord & Record<string, unknown>>(
        `SELECT caller, key, fingerprint, task_id AS "taskId", waiter, expires_at AS "expiresAt"
          FROM headgate.keys WHERE caller = $1 AND key = $2`,
        [caller, key],
      )
      return row
    },
    async completedWith(caller, content) {
      const [row] = await db.query<{ id: string }>(
        `SELECT id FROM headgate.tasks WHERE content = $1 AND content IS NOT NULL AND caller = $2
          AND status = 'completed' ORDER BY id DESC LIMIT 1`,
        [content, caller],
      )
      return row?.id
    },
  }
}

/** Names of steps are any text, NUL included: they are kept as JSON. */
export function createSteps(db: Database): StepJournal {
  return {
    async loadStep(taskId, name) {
      const sql = 'SELECT value FROM headgate.steps WHERE task_id = $1 AND name = $2'
      const [row] = await db.query<{ value: string }>(sql, [taskId, JSON.stringify(name)])
      return row?.value
    },
    async listSteps(taskId) {
      const rows = await db.query<{ name: string; saved_at: number }>(
        'SELECT name, saved_at FROM headgate.steps WHERE task_id = $1 ORDER BY saved_at, name',
        [taskId],
      )
      return rows.map(({ name, saved_at: savedAt }) => ({ name: JSON.parse(name) as string, savedAt }))
    },
    async saveStep({ id, run }, { name, value, savedAt }) {
      // The row of the task is locked, so that no other run begins meanwhile.
      const written = await db.query(
        `WITH task AS (SELECT id FROM headgate.tasks WHERE id = $1 AND run = $2 AND finished_at IS NULL FOR SHARE)
          INSERT INTO headgate.steps (task_id, name, value, saved_at) SELECT id, $3, $4, $5::bigint FROM task
          ON CONFLICT (task_id, name) DO UPDATE SET value = excluded.value, saved_at = excluded.saved_at
          RETURNING 1`,
        [id, run, JSON.stringify(name), value, savedAt],
      )
      if (written.length === 0) throw new HeadgateError('stale-run', `Run ${run} of task ${id} is over.`)
    },
  }
}

export function createRecoveryQueries(db: Database): RecoveryJournal {
  return {
    async unfinished(afterId, limit) {
      const from = '(SELECT admitted FROM headgate.tasks WHERE id = $1)'
      const which = `tasks.finished_at IS NULL AND admitted > coalesce(${from}, 0)`
      return toTasks(
        await db.query(`${WITH_INPUT} WHERE ${which} ORDER BY admitted LIMIT $2`, [afterId, limit]),
      )
    },
    async totals() {
      const rows = await db.query<{ name: string; count: number }>(
        'SELECT name, sum(count)::bigint AS count FROM headgate.counters GROUP BY name',
      )
      return Object.fromEntries(rows.map(({ name, count }) => [name, count]))
    },
    async durations(limit) {
      const sql = `SELECT ${TASK_COLUMNS} FROM headgate.tasks WHERE status = 'completed'
        ORDER BY finished_at DESC LIMIT $1`
      return toTasks(await db.query(sql, [limit]))
        .toReversed()
        .map((task) => toPastTask(task))
    },
    async stepCount(taskId) {
      const sql = 'SELECT count(*)::integer AS count FROM headgate.steps WHERE task_id = $1'
      const [row] = await db.query<{ count: number }>(sql, [taskId])
      return row?.count ?? 0
    },
    async newestId() {
      const sql = `SELECT greatest((SELECT max(id) FROM headgate.tasks), (SELECT max(id) FROM headgate.erased)) AS id`
      const [row] = await db.query<{ id: string | null }>(sql)
      return row?.id ?? null
    },
    async spoolIds() {
      const sql = 'SELECT spool_id FROM headgate.tasks WHERE spool_id IS NOT NULL'
      return (await db.query<{ spool_id: string }>(sql)).map((row) => row.spool_id)
    },
  }
}

export function createNotes(db: Database): NoteJournal {
  const loadNote = async (name: string) => {
    const [row] = await db.query<{ text: string }>('SELECT text FROM headgate.notes WHERE name = $1', [name])
    return row?.text
  }
  return {
    loadNote,
    async saveNote(name, text) {
      const sql = `INSERT INTO headgate.notes VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text`
      await db.query(sql, [name, text])
    },
    async keepNote(name, text) {
      await db.query('INSERT INTO headgate.notes VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, text])
      return (await loadNote(name)) ?? text
    },
  }
}

export function createHistory(db: Database): HistoryJournal {
  return {
    async saveMinute(minute, writer, row) {
      const sql = `INSERT INTO headgate.minutes VALUES ($1, $2, $3)
        ON CONFLICT (minute, writer) DO UPDATE SET row = excluded.row`
      await db.query(sql, [minute, writer, row])
    },
    async minutes(from, size) {
      const sql = 'SELECT minute, row FROM headgate.minutes WHERE minute >= $1 ORDER BY minute'
      return combineRows(await db.query<MinuteRow & Record<string, unknown>>(sql, [from]), size)
    },
  }
}

function toTasks(rows: readonly Record<string, unknown>[]): Task[] {
  return (rows as unknown as WholeTaskRow[]).map((row) => toTask(row))
}
