import { maySee, type Caller } from '../../auth/caller.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
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
  const { created_at, priority_name } = view
  if (!maySee(viewer, task.caller)) return { row, type, status, priority_name, created_at }
  const always = pick(view, SHOWN)
  const error =
    view.error === null ? {} : { error_type: view.error.error_type, error_message: view.error.message }
  return { row, ...always, ...(isTerminal(status) ? {} : pick(view, SHOWN_WHILE_LIVE)), ...error }
}

/** What a row has of the view of a task. */
const SHOWN = [
  'task_id',
  'type',
  'title',
  'caller',
  'status',
  'priority',
  'priority_name',
  'created_at',
  'started_at',
  'finished_at',
  'message',
  'attempt',
  'max_attempts',
  'waiters',
  'wait_reason',
  'wait_until',
  'wait_resource',
  'wait_ms',
  'run_ms',
] as const
const SHOWN_WHILE_LIVE = ['progress', 'progress_detail', 'timeout_seconds'] as const

function pick(view: TaskView, names: readonly (keyof TaskView)[]): Partial<TaskView> {
  return Object.fromEntries(names.filter((name) => name in view).map((name) => [name, view[name]]))
}

type TaskView = ReturnType<typeof taskView>
