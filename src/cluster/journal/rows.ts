import {
  toEventRow,
  toFixedRow,
  toStateRow,
  type EventRow,
  type FixedRow,
  type StateRow,
} from '../../journal/rows.ts'
import type { JournalEntry, NewDelivery } from '../../journal/journal.ts'
import type { TaskEvent } from '../../task/event.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'

/** What is written of an entry, as one element of a JSON array. */
export interface EntryRow extends StateRow, Pick<EventRow, 'at' | 'body'> {
  readonly error_type: string | null
  readonly message: string | null
  readonly is_end: boolean
  readonly event_type: string
}

export const ENTRY_COLUMNS = `id text, priority smallint, status text, run integer, last_seq integer,
  finished_at bigint, state text, error_type text, message text, is_end boolean, event_type text,
  at bigint, body text`

/** The same of a new task. */
export interface NewTaskRow extends EntryRow, FixedRow, Standing {
  readonly start_deadline_at: number | null
  readonly input: string
}

export const NEW_TASK_COLUMNS = `${ENTRY_COLUMNS}, type text, caller text, created_at bigint, spool_id text,
  content text, fixed text, start_deadline_at bigint, input text, rank bigint,
  ticket integer`

export function toEntryRow(task: Task, event: TaskEvent): EntryRow {
  const { type: event_type, at, body } = toEventRow(event)
  const { failure, status } = task
  return {
    ...toStateRow(task),
    error_type: failure?.errorType ?? null,
    message: failure === null ? null : failure.message.replaceAll('\0', ''),
    is_end: isTerminal(status),
    event_type,
    at,
    body,
  }
}

/** Where a task stands among all others: see `order.ts`. */
export interface Standing {
  readonly rank: number
  readonly ticket: number
}

export function toNewTaskRow(task: Task, event: TaskEvent, { rank, ticket }: Standing): NewTaskRow {
  const { startDeadlineAt: start_deadline_at, input } = task
  return {
    ...toEntryRow(task, event),
    ...toFixedRow(task),
    start_deadline_at,
    input: JSON.stringify(input) ?? 'null',
    rank,
    ticket,
  }
}

/** The webhook that an entry adds: that of the first submit comes with the end. */
export function toNewDelivery({ task, delivery }: JournalEntry): NewDelivery | null {
  const { id, webhook, caller, left, status } = task
  const isOwed = isTerminal(status) && webhook !== null && !left.includes(1)
  return isOwed ? { id: `msg_${id}`, caller, ...webhook } : (delivery ?? null)
}
