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
  readonly caller?: string
  /** Ids of each group, at most. */
  readonly maxIds: number
}

/** Statuses of tasks that failed. */
export const FAILED_STATUSES = ['error', 'timeout', 'expired'] as const satisfies readonly Task['status'][]
/** The newest failures that are looked at. */
export const MAX_FAILURES = 50_000

/** Groups failures, which come with the newest end first; the largest group is the first. */
export function groupFailures(failures: Iterable<FailedTask>, maxIds: number): FailureGroup[] {
  const groups = new Map<string, FailureGroup & { count: number; firstAt: number; ids: string[] }>()
  for (const { id, type, errorType, message, finishedAt } of failures) {
    const masked = maskMessage(message)
    const key = JSON.stringify([type, errorType, masked])
    const group = groups.get(key)
    if (group === undefined) {
      const times = { firstAt: finishedAt, lastAt: finishedAt }
      groups.set(key, { type, errorType, message: masked, count: 1, ...times, ids: [id] })
      continue
    }
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
