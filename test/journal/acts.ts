import type { Journal, KeyRecord } from '../../src/journal/journal.ts'
import type { EventBody, TaskEvent } from '../../src/task/event.ts'
import { failure } from '../../src/task/failure.ts'
import { changeTask, type Task, type TaskChange } from '../../src/task/task.ts'
import { NO_HEADLINE, sampleTask } from '../support/tasks.ts'

export const WHY = failure('input_rejected', 'none')

export function actsOn(journal: Journal) {
  const append = async (task: Task, body: EventBody, change: TaskChange = {}): Promise<Task> => {
    const next = changeTask(task, change)
    const event = toEvent(next, body)
    await journal.tasks.append({ task: next, event })
    return next
  }
  const admit = async (given: Parameters<typeof sampleTask>[0], key: KeyRecord | null = null) => {
    const task = { ...sampleTask(given), lastSeq: 1 }
    await journal.tasks.admit(
      { task, event: toEvent(task, { type: 'queued', queuePosition: 1, tasksAhead: 0, wait: null }) },
      key,
    )
    return task
  }
  const start = (task: Task) =>
    append(
      task,
      { type: 'started', attempt: 1 },
      { status: 'running', run: task.run + 1, attempt: 1, startedAt: 1500 },
    )
  const complete = (task: Task, finishedAt = 2000, result = '"fine"') =>
    append(task, { type: 'result', ...NO_HEADLINE }, { status: 'completed', finishedAt, result })
  const run = async (given: Parameters<typeof sampleTask>[0], finishedAt = 2000) =>
    complete(await start(await admit(given)), finishedAt)
  return { append, admit, start, complete, run }
}

export function toEvent(task: Task, body: EventBody): TaskEvent {
  return { ...body, seq: task.lastSeq, taskId: task.id, status: task.status, at: 1000 }
}
