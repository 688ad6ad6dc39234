import type { Task } from '../task/task.ts'

/** Failures of one kind: type, reason, and message without what differs from task to task. */
export interface FailureGroup {
  readonly type: string
  readonly errorType: string
  readonly message: string
  readonly count: number
  /** Ends, epoch ms. */
  readonly firstAt: number
  readonly lastAt: number
  /** Ids, the newest end first. */
  readonly ids: readonly string[]
  /** How many in each of {@link PARTS} equal parts of the time that was asked for, the oldest first. */
  readonly counts: readonly number[]
}

/** How a task failed, of which groups are made. */
export interface FailedTask {
  readonly id: string
  readonly type: string
  readonly errorType: string
  readonly message: string
  readonly finishedAt: number
}

export interface FailureQuery {
  /** Ended at this instant or later, epoch ms. */
  readonly since: number
  /** And not after this one: the end of the time that is divided. */
  readonly until: number
  readonly caller?: string
  /** Ids of each group, at most. */
  readonly maxIds: number
}

interface GrowingGroup extends FailureGroup {
  count: number
  firstAt: number
  readonly ids: string[]
  readonly counts: number[]
}

/** Statuses of tasks that failed. */
export const FAILED_STATUSES = ['error', 'timeout', 'expired'] as const satisfies readonly Task['status'][]
/** The newest failures that are looked at. */
export const MAX_FAILURES = 50_000

/** Parts of the time of which failures are counted. */
export const PARTS = 24

/** Groups failures, which come with the newest end first; the largest group is the first. */
export function groupFailures(
  failures: Iterable<FailedTask>,
  { since, until, maxIds }: Omit<FailureQuery, 'caller'>,
): FailureGroup[] {
  const groups = new Map<string, GrowingGroup>()
  const partMs = Math.max(1, until - since) / PARTS
  for (const { id, type, errorType, message, finishedAt } of failures) {
    const masked = maskMessage(message)
    const key = JSON.stringify([type, errorType, masked])
    let group = groups.get(key)
    if (group === undefined) {
      const times = { firstAt: finishedAt, lastAt: finishedAt }
      const counts = Array.from({ length: PARTS }, () => 0)
      group = { type, errorType, message: masked, count: 0, ...times, ids: [], counts }
      groups.set(key, group)
    }
    const part = Math.min(PARTS - 1, Math.floor((finishedAt - since) / partMs))
    group.counts[part] = (group.counts[part] ?? 0) + 1
    group.count += 1
    group.firstAt = finishedAt
    if (group.ids.length < maxIds) group.ids.push(id)
  }
  return [...groups.values()].sort((a, b) => b.count - a.count || b.lastAt - a.lastAt)
}

/** A message without its quoted parts, ids and numbers. */
export function maskMessage(message: string): string {
  return message
    .replace(/"[^"]*"|'[^']*'|“[^“”]*”|«[^«»]*»/g, '"…"')
    .replace(/https?:\/\/\S+/g, '…')
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[a-f]*\d)[0-9a-f]{12,}\b/gi, '…')
    .replace(/\d+(?:[.,]\d+)*/g, '#')
}
