import { PRIORITIES, type Priority } from '../../task/priority.ts'
import type { Ticket } from '../../task/ticket.ts'

/** What is known of the queue behind the tasks that are listed. */
export interface Rest {
  /** The first that wait, in their order. */
  readonly listed: readonly Ticket[]
  /** When the youngest that waits was admitted, epoch ms. */
  readonly newestCreatedAt: number
  readonly waitingOf: (priority: Priority) => number
  /** A level is this much ahead of the one below it; 0: levels are strict. */
  readonly headStartMs: number
}

/**
 * How many tasks start before one that is not among those that are listed: those that are counted by level, and of each
 * level what came before it, as if the tasks behind the listed ones had come evenly since.
 */
export function estimateAhead(
  { priority, createdAt }: Pick<Ticket, 'priority' | 'createdAt'>,
  { listed, newestCreatedAt, waitingOf, headStartMs }: Rest,
): number {
  const ahead = PRIORITIES.reduce((sum: number, level) => {
    if (headStartMs === 0 && level < priority) return sum
    if (headStartMs === 0 && level > priority) return sum + waitingOf(level)
    const own = listed.filter((ticket) => ticket.priority === level)
    const before = createdAt + (level - priority) * headStartMs
    const from = own.at(-1)?.createdAt ?? listed[0]?.createdAt ?? newestCreatedAt
    const share = (before - from) / Math.max(1, newestCreatedAt - from)
    const behind = Math.max(0, waitingOf(level) - own.length)
    return sum + own.length + behind * Math.min(1, Math.max(0, share))
  }, 0)
  return Math.max(listed.length, Math.round(ahead))
}
