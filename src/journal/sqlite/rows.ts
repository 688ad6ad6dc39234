import type { TaskEvent } from '../../task/event.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { JournalEntry, PastTask } from '../journal.ts'

/** The one place where tasks and events become rows, and rows tasks and events again. */

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

type FixedState = Pick<
  Task,
  | 'upload'
  | 'metadata'
  | 'timeoutMs'
  | 'maxAttempts'
  | 'webhook'
  | 'startDeadlineAt'
  | 'retryOf'
  | 'toldWait'
  | 'trace'
>
type LivelyState = Pick<
  Task,
  | 'attempt'
  | 'interruptions'
  | 'strikes'
  | 'stepsKept'
  | 'waiters'
  | 'joins'
  | 'left'
  | 'waitMs'
  | 'runMs'
  | 'startedAt'
  | 'progress'
  | 'progressDetail'
  | 'message'
  | 'outputs'
  | 'waitReason'
  | 'waitUntil'
  | 'waitResource'
  | 'parkedSince'
  | 'history'
  | 'failure'
>

export function toFixedRow(task: Task): FixedRow {
  const { type, caller, createdAt, upload, metadata, timeoutMs, maxAttempts, webhook, content } = task
  const { startDeadlineAt, retryOf, toldWait, trace } = task
  const named = { startDeadlineAt, retryOf, toldWait, trace }
  const fixed: FixedState = { upload, metadata, timeoutMs, maxAttempts, webhook, ...named }
  const spoolId = upload?.spoolId ?? null
  return { type, caller, created_at: createdAt, spool_id: spoolId, content, fixed: JSON.stringify(fixed) }
}

export function toStateRow(task: Task): StateRow {
  const { id, priority, status, run, lastSeq, finishedAt } = task
  const { attempt, interruptions, strikes, stepsKept, waiters, startedAt } = task
  const { joins, left, waitMs, runMs, outputs } = task
  const { progress, progressDetail, message, waitReason, waitUntil, waitResource, failure } = task
  const { parkedSince, history } = task
  const lively: LivelyState = {
    attempt,
    interruptions,
    strikes,
    stepsKept,
    waiters,
    joins,
    left,
    waitMs,
    runMs,
    startedAt,
    progress,
    progressDetail,
    message,
    outputs,
    waitReason,
    waitUntil,
    waitResource,
    parkedSince,
    history,
    failure,
  }
  const state = JSON.stringify(lively)
  return { id, priority, status, run, last_seq: lastSeq, finished_at: finishedAt, state }
}

export function toEventRow(event: TaskEvent): EventRow {
  const { seq, type, status, at, taskId: _, ...body } = event
  return { seq, type, status, at, body: JSON.stringify(body) }
}

/** The result goes with the event that brings it. */
export function resultOf({ task }: JournalEntry): string | null {
  return isTerminal(task.status) ? task.result : null
}

/** What rows of an earlier version do not name. */
const LATER_FIXED = { startDeadlineAt: null, retryOf: null, toldWait: null, trace: null }
const LATER_STATE = { waitResource: null, parkedSince: null, history: [], left: [], outputs: 0 }

/** Times of a completed task, for the estimates of its type. */
export function toPastTask({
  type,
  priority,
  created_at: createdAt,
  finished_at,
  fixed,
  state,
}: TaskRow): PastTask {
  const { startedAt, history = [], waitMs, runMs } = JSON.parse(state) as Partial<LivelyState>
  const { toldWait = null } = JSON.parse(fixed) as Partial<FixedState>
  const started = startedAt ?? createdAt
  return {
    type,
    priority: priority as Task['priority'],
    createdAt,
    toldWait,
    waitMs: waitMs ?? Math.max(0, (history[0]?.startedAt ?? started) - createdAt),
    runMs: runMs ?? Math.max(0, (finished_at ?? started) - started),
  }
}

export function taskOf(row: TaskRow & Partial<WholeTaskRow>): Task {
  const fixed = JSON.parse(row.fixed) as FixedState
  const state = JSON.parse(row.state) as LivelyState
  // The file may be forgotten before its task is.
  const upload = row.spool_id === null ? null : fixed.upload
  return {
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
    ...LATER_FIXED,
    ...fixed,
    upload,
    ...LATER_STATE,
    ...pickLater(row, state),
    ...state,
    input: row.input == null ? null : JSON.parse(row.input),
    result: row.result ?? null,
  }
}

/** What rows of an earlier version do not name: durations are the differences of instants there. */
function pickLater(
  { created_at: createdAt, finished_at: finishedAt }: TaskRow,
  { startedAt, waiters, history = [] }: Pick<LivelyState, 'startedAt' | 'waiters'> & Partial<LivelyState>,
) {
  const first = history[0]?.startedAt ?? startedAt
  const waitMs = first === null ? null : Math.max(0, first - createdAt)
  const runMs = startedAt === null || finishedAt === null ? null : Math.max(0, finishedAt - startedAt)
  return { waitMs, runMs, joins: waiters }
}

export function toEvent(taskId: string, { seq, type, status, at, body }: EventRow): TaskEvent {
  return { ...(JSON.parse(body) as object), seq, taskId, type, status, at } as TaskEvent
}
