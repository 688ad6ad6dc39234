import { PRIORITIES, type Priority } from '../../task/priority.ts'

/** Tickets are ordered by one 32-bit integer, the highest first. */
const HIGHEST_TICKET = 2 ** 31 - 1
/** With strict levels each has a block of this many tickets. */
const BLOCK = 2 ** 30
const HIGHEST_LEVEL = PRIORITIES.length - 1

/** The row that is locked while tasks are admitted. */
export interface Order {
  /** Ranks count from here: the database's clock when the queue was last empty, epoch ms. */
  readonly baseMs: number
  /** The last rank that each level has given. */
  readonly lastRanks: readonly number[]
}

/**
 * The rank of a newcomer: the age by which it keeps its turn, also on another level. With strict levels it counts
 * newcomers; with a head start it is milliseconds since the base, strictly rising inside a level.
 *
 * @param now epoch ms, the database's
 */
export function nextRank(
  { baseMs, lastRanks }: Order,
  level: Priority,
  now: number,
  headStartMs: number,
): number {
  if (headStartMs === 0) return Math.max(...lastRanks) + 1
  return Math.max(Math.round(now - baseMs), (lastRanks[level] ?? 0) + 1)
}

/**
 * What orders a ticket. There are 10⁹ places, or 49 days with a head start, from one moment without an unfinished task
 * to the next; beyond them tasks share the last place and go by the time at which their tickets were made.
 */
export function toTicketPriority(rank: number, level: Priority, headStartMs: number): number {
  if (headStartMs === 0) return (level - 2) * BLOCK + Math.max(0, BLOCK - 1 - rank)
  const behind = rank + (HIGHEST_LEVEL - level) * headStartMs
  return HIGHEST_TICKET - Math.min(2 ** 32 - 1, behind)
}
