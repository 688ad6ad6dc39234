import { PRIORITIES } from '../../task/priority.ts'
import { TERMINAL_STATUSES, type TaskStatus } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { Ticket } from '../../task/ticket.ts'
import type { QueueServices, StorageServices } from '../deps.ts'

/** Tasks in each list of the board, at most; the numbers of all are in the stats. */
const MAX_LISTED = 200
/** Waiting tasks of each level that are shown, however many there are of others. */
const LISTED_OF_LEVEL = 20
export const MAX_RECENT = 20

export type SelectDeps = Pick<StorageServices, 'journal'> & Pick<QueueServices, 'pool'>

/** The tasks that a board shows, as they are committed. */
export interface BoardTasks {
  readonly running: readonly Task[]
  /** The first in the order in which they start; behind them the first of each level that are not among them. */
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
  const ids = new Set(firstIds(pool.waitingInOrder(), MAX_LISTED))
  if (ids.size < MAX_LISTED) return [...ids]
  const ofLevels = PRIORITIES.toReversed().flatMap((level) =>
    firstIds(pool.waitingInOrder(level), LISTED_OF_LEVEL),
  )
  return [...ids.union(new Set(ofLevels))]
}

function firstIds(tickets: Iterable<Ticket>, count: number): string[] {
  return Iterator.from(tickets)
    .take(count)
    .map(({ id }) => id)
    .toArray()
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
