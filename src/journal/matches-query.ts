import type { Task } from '../task/task.ts'
import type { TaskQuery } from './journal.ts'

/** Whether a task is one of those that a query asks for, its page aside. */
export function matchesQuery(task: Task, query: TaskQuery): boolean {
  const { statuses, type, caller, priority, errorType, createdFrom, createdBefore, text } = query
  return (
    (statuses === undefined || statuses.includes(task.status)) &&
    (type === undefined || task.type === type) &&
    (caller === undefined || task.caller === caller) &&
    (priority === undefined || task.priority === priority) &&
    (errorType === undefined || task.failure?.errorType === errorType) &&
    (createdFrom === undefined || task.createdAt >= createdFrom) &&
    (createdBefore === undefined || task.createdAt < createdBefore) &&
    (text === undefined || containsText(task, text))
  )
}

type Searched = Pick<Task, 'id' | 'title' | 'upload' | 'metadata'>

/** Whether the id, title, file name or metadata of a task contain a text, in letters of either case. */
export function containsText({ id, title, upload, metadata }: Searched, text: string): boolean {
  const fields = [id, title, upload?.name, metadata == null ? null : JSON.stringify(metadata)]
  const wanted = text.toLowerCase()
  return fields.some((field) => field?.toLowerCase().includes(wanted))
}
