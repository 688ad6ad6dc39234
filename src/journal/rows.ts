import type { TaskEvent } from '../task/event.ts'
import { BEGINNING, DECIDED, type NewTask, type Task } from '../task/task.ts'

/** The one place where tasks and events become rows, and rows tasks and events again. */

/** A row as a database returns it. */
export type Row = Record<string, string | number | null | Uint8Array>

/** What is decided at admission. */
export interface FixedRow {
  readonly type: string
  readonly caller: string
  readonly created_at: number
  readonly spool_id: string | null
  readonly content: string | null
  /** JSON. */
  readonly fixed: string
}

/** What changes with every event. */
export interface StateRow {
  readonly id: string
  readonly priority: number
  readonly status: string
  readonly run: number
  readonly last_seq: number
  readonly finished_at: number | null
  /** JSON. */
  readonly state: string
}

export interface EventRow {
  readonly seq: number
  readonly type: string
  readonly status: string
  readonly at: number
  /** JSON. */
  readonly body: string
}

export type TaskRow = FixedRow & StateRow
export type WholeTaskRow = TaskRow & { readonly input: string | null; readonly result: string | null }

/** A task without its long texts, which have tables of their own. */
export const TASK_COLUMNS =
  'tasks.id, type, caller, priority, status, run, last_seq, created_at, finished_at, spool_id, content, fixed, state'

/** Of a row as a list of its values: these columns, input and result. */
export function fromValues(values: readonly unknown[]): WholeTaskRow {
  const [id, type, caller, priority, status, run, last_seq, created_at, finished_at, ...long] = values
  const [spool_id, content, fixed, state, input, result] = long
  const decided = { id, type, caller, priority, status, run, last_seq, created_at, finished_at }
  return { ...decided, spool_id, content, fixed, state, input, result } as WholeTaskRow
}

/** Fields of a task that have a column, or a table, of their own. */
const COLUMNS = [
  'id',
  'type',
  'caller',
  'priority',
  'status',
  'run',
  'lastSeq',
  'createdAt',
  'finishedAt',
  'content',
  'input',
  'result',
] as const satisfies readonly (keyof Task)[]
type Column = (typeof COLUMNS)[number]

/** The fields in the JSON text `fixed`, and in `state`: a new field of a task is kept without being named here. */
type FixedState = Omit<Pick<Task, keyof NewTask & keyof Task>, Column>
type LivelyState = Omit<Task, Column | keyof FixedState>
const FIXED = DECIDED.filter((name) => !COLUMNS.includes(name as Column)) as (keyof FixedState)[]
const LIVELY = [...Object.keys(BEGINNING), 'waitUntil'].filter(
  (name) => !COLUMNS.includes(name as Column),
) as (keyof LivelyState)[]

export function toFixedRow(task: Task): FixedRow {
  const { type, caller, createdAt, upload, content } = task
  const spoolId = upload?.spoolId ?? null
  return { type, caller, created_at: createdAt, spool_id: spoolId, content, fixed: toJson(task, FIXED) }
}

export function toStateRow(task: Task): StateRow {
  const { id, priority, status, run, lastSeq, finishedAt } = task
  return {
    id,
    priority,
    status,
    run,
    last_seq: lastSeq,
    finished_at: finishedAt,
    state: toJson(task, LIVELY),
  }
}

/** An object of these fields as JSON text. Written here, in a quarter of the time: most values are short, or none. */
function toJson(task: Task, names: readonly (keyof Task)[]): string {
  let text = ''
  for (const name of names) {
    const value = task[name]
    if (value === undefined) continue
    text += `${text === '' ? '{' : ','}"${name}":`
    text += value === null ? 'null' : isPlain(value) ? String(value) : JSON.stringify(value)
  }
  return text === '' ? '{}' : `${text}}`
}

/** Whether JSON has a value as its text is. */
function isPlain(value: unknown): value is boolean | number {
  return typeof value === 'boolean' || Number.isFinite(value)
}

/** Each field of a task with what it is where nothing else is known. */
const EMPTY = {
  ...Object.fromEntries(DECIDED.map((name) => [name, null])),
  ...BEGINNING,
  status: 'queued',
  waitUntil: null,
} as unknown as Task

export function toEventRow(event: TaskEvent): EventRow {
  const { seq, type, status, at, taskId: _, ...body } = event
  return { seq, type, status, at, body: JSON.stringify(body) }
}

/** Fields that rows of an earlier version do not name have the value that a task begins with. */
export function toTask(row: TaskRow & Partial<WholeTaskRow>): Task {
  const fixed = JSON.parse(row.fixed) as FixedState
  const lively = parseState(row.state)
  const task: Mutable<Task> = {
    ...lively.template,
    id: row.id,
    type: row.type,
    caller: row.caller,
    priority: row.priority as Task['priority'],
    status: row.status as Task['status'],
    run: row.run,
    lastSeq: row.last_seq,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
    content: row.content,
    input: row.input == null ? null : JSON.parse(row.input),
    result: row.result ?? null,
  }
  Object.assign(task, fixed)
  // The file may be forgotten before its task is.
  if (row.spool_id === null) task.upload = null
  return lively.hasDurations ? task : { ...task, ...computeDurations(task), ...lively.state }
}

type Mutable<Value> = { -readonly [Name in keyof Value]: Value[Name] }

interface ParsedState {
  readonly text: string
  readonly state: LivelyState
  /** A task in this state, all of whose fields are there: others are made from it by a copy. */
  readonly template: Task
  /** Rows of an earlier version have none. */
  readonly hasDurations: boolean
}

let newest: ParsedState | null = null

/** Tasks that wait are in one state: its text is parsed once for all that follow each other. */
function parseState(text: string): ParsedState {
  if (newest?.text === text) return newest
  const state = JSON.parse(text) as LivelyState
  const template = { ...EMPTY, ...state }
  newest = { text, state, template, hasDurations: state.joins !== undefined }
  return newest
}

/** For rows of an earlier version: durations are the differences of instants there. */
function computeDurations({ createdAt, finishedAt, startedAt, waiters, history }: Task) {
  const first = history[0]?.startedAt ?? startedAt
  const waitMs = first === null ? null : Math.max(0, first - createdAt)
  const runMs = startedAt === null || finishedAt === null ? null : Math.max(0, finishedAt - startedAt)
  return { waitMs, runMs, joins: waiters }
}

export function toEvent(taskId: string, { seq, type, status, at, body }: EventRow): TaskEvent {
  return { ...(JSON.parse(body) as object), seq, taskId, type, status, at } as TaskEvent
}
