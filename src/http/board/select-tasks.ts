import { TERMINAL_STATUSES, type TaskStatus } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { HttpDeps } from '../deps.ts'

/** Tasks in each list of the board, at most; the numbers of all are in the stats. */
const MAX_LISTED = 200
export const MAX_RECENT = 20

export type SelectDeps = Pick<HttpDeps, 'journal' | 'pool'>

/** The tasks that a board shows, as they are committed. */
export interface BoardTasks {
  readonly running: readonly Task[]
  /** In the order in which they start. */
  readonly waiting: readonly Task[]
  /** Delayed, or waiting for a retry or a resource; the one that was admitted first is the first. */
  readonly parked: readonly Task[]
  /** Those that ended last, the newest first. */
  readonly recent: readonly Task[]
}

export async function selectTasks(
  { journal, pool }: SelectDeps,
  recent: readonly Task[],
): Promise<BoardTasks> {
  // One list for each status: several at once would be looked for among all tasks.
  const list = async (status: TaskStatus) =>
    (await journal.list({ statuses: [status], limit: MAX_LISTED })).tasks
  const [running, cancelling, delayed, scheduled, waiting] = await Promise.all([
    list('running'),
    list('cancelling'),
    list('waiting'),
    list('scheduled'),
    Promise.all(firstWaiting(pool).map((id) => journal.find(id))),
  ])
  return {
    running: [...running, ...cancelling].sort(byAdmission),
    waiting: waiting.filter((task): task is Task => task?.status === 'queued'),
    parked: [...delayed, ...scheduled].sort(byAdmission).slice(0, MAX_LISTED),
    recent,
  }
}

function firstWaiting(pool: SelectDeps['pool']): string[] {
  const ids: string[] = []
  for (const { id } of pool.waitingInOrder()) if (ids.push(id) === MAX_LISTED) break
  return ids
}

/** What the newest pages of the journal know of tasks that have ended, the newest end first. */
export async function loadRecent({ journal }: Pick<SelectDeps, 'journal'>): Promise<Task[]> {
  const { tasks } = await journal.list({ statuses: TERMINAL_STATUSES, limit: MAX_RECENT })
  return [...tasks].sort(byEnd)
}

function byAdmission(a: Task, b: Task): number {
  return a.id < b.id ? -1 : 1
}

function byEnd(a: Task, b: Task): number {
  return (b.finishedAt ?? 0) - (a.finishedAt ?? 0)
}
