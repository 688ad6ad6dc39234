import type { Journal, JournalEntry } from '../../src/journal/journal.ts'
import type { EventBody } from '../../src/task/event.ts'
import { failure } from '../../src/task/failure.ts'
import { changeTask, type Task, type TaskChange } from '../../src/task/task.ts'
import type { Priority } from '../../src/task/priority.ts'
import { NO_HEADLINE, sampleTask } from './tasks.ts'

/** Tasks that are written before the first of them is waited for. */
const AT_ONCE = 2000
const CALLERS = 20

/** The tasks that a journal is filled with. */
export interface Filling {
  readonly count: number
  /** End of the task of a number, epoch ms; null: it waits. */
  readonly endedAt: (n: number) => number | null
  /** Callers whose tasks they are, in turn; default 20. */
  readonly callers?: number
}

/**
 * Fills a journal through its own interface, as a server does: each task is admitted, started and ended. One in 50 is of
 * type `other`, one in 20 has failed, one in 100 was cancelled, one in 1000 has timed out; four
 * priorities.
 */
export async function fillJournal(
  journal: Journal,
  { count, endedAt, callers = CALLERS }: Filling,
): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    const numbers = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => from + index)
    await Promise.all(
      numbers.map((n) => addTask(journal, { n, endedAt: endedAt(n), caller: `caller-${n % callers}` })),
    )
  }
}

interface NewTaskOf {
  readonly n: number
  readonly endedAt: number | null
  readonly caller: string
}

/** Ids in the order of their numbers. */
export function idOf(n: number): string {
  return `01999999-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
}

async function addTask({ tasks }: Journal, { n, endedAt, caller }: NewTaskOf): Promise<void> {
  const createdAt = endedAt === null ? n : endedAt - 20
  const given = {
    id: idOf(n),
    type: n % 50 === 0 ? 'other' : 'empty',
    caller,
    priority: (n % 4) as Priority,
    title: `Report ${n}`,
    createdAt,
  }
  const task = { ...sampleTask({ ...given, input: { n } }), lastSeq: 1 }
  const place = { type: 'queued', queuePosition: 1, tasksAhead: 0, wait: null } as const
  const entry = toEntry(task, place, createdAt)
  if (endedAt === null) return tasks.admit(entry, null)
  const { body, change } = endOf(n)
  const ending = { ...change, finishedAt: endedAt, runMs: 10 }
  if (change.status === 'cancelled') {
    // Before it has started.
    const ended = toEntry(changeTask(task, ending), body, endedAt)
    return writeTogether(tasks.admit(entry, null), tasks.append(ended))
  }
  const startedAt = createdAt + 10
  const running = changeTask(task, { status: 'running', run: 1, attempt: 1, startedAt, waitMs: 10 })
  const start = toEntry(running, { type: 'started', attempt: 1 }, startedAt)
  const ended = toEntry(changeTask(running, ending), body, endedAt)
  return writeTogether(tasks.admit(entry, null, start), tasks.append(ended))
}

/** What is sent together is committed in its order. */
async function writeTogether(...writes: readonly Promise<void>[]): Promise<void> {
  await Promise.all(writes)
}

function endOf(n: number): { readonly body: EventBody; readonly change: TaskChange } {
  if (n % 100 === 7) return failed('cancelled', 'cancelled')
  if (n % 1000 === 13) return failed('timeout', 'timeout')
  if (n % 20 === 0) return failed('error', 'execution_error')
  return {
    body: { type: 'result', ...NO_HEADLINE },
    change: { status: 'completed', result: `{"n":${n}}`, progress: 100 },
  }
}

function failed(status: 'cancelled' | 'timeout' | 'error', errorType: Parameters<typeof failure>[0]) {
  const why = failure(errorType, 'It did not work.')
  return { body: { type: 'error', failure: why }, change: { status, failure: why } } as const
}

function toEntry(task: Task, body: EventBody, at: number): JournalEntry {
  return { task, event: { ...body, seq: task.lastSeq, taskId: task.id, status: task.status, at } }
}
