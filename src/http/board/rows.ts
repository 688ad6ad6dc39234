import { maySee, type Caller } from '../../auth/caller.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import { boardRow } from '../schemas/queue-responses.ts'
import { taskView, type ViewOptions } from '../schemas/views.ts'

/** Whom a board is for: all operators see the same one, each caller one of its own. */
export type Viewer = Pick<Caller, 'name' | 'role'>

/** Whether a board shows a task at all: of others those that run or wait for a slot, without saying which they are. */
export function isShown(task: Task, viewer: Viewer): boolean {
  return maySee(viewer, task.caller) || task.status === 'running' || task.status === 'queued'
}

/** Whether a row says the same of both versions of a task. */
export function isSameRow(before: Task, after: Task, viewer: Viewer): boolean {
  if (before === after) return true
  if (maySee(viewer, after.caller)) return false
  return before.status === after.status && before.priority === after.priority
}

/**
 * One row of a board. `row` names the task for as long as the server shows it; of others' tasks it is all that tells
 * them apart: their row has their type, level and age, and nothing else.
 */
export function toRow(task: Task, row: number, viewer: Viewer, options: ViewOptions) {
  const { status, type } = task
  const view = taskView(task, null, options)
  const { created_at, priority_name, error } = view
  if (!maySee(viewer, task.caller)) return { row, type, status, priority_name, created_at }
  const names = isTerminal(status) ? SHOWN_AFTER_END : SHOWN
  const own = Object.fromEntries(names.filter((name) => name in view).map((name) => [name, view[name]]))
  return {
    row,
    ...own,
    ...(error === null ? {} : { error_type: error.error_type, error_message: error.message }),
  }
}

/** Fields of the view that a row has, as its schema names them. */
const SHOWN = Object.keys(boardRow.shape) as readonly (keyof ReturnType<typeof taskView>)[]
const ONLY_LIVE = new Set<string>(['progress', 'progress_detail', 'timeout_seconds'])
const SHOWN_AFTER_END = SHOWN.filter((name) => !ONLY_LIVE.has(name))
