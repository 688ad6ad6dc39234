import type { JournalEntry } from '../../journal/journal.ts'
import { toTask, type WholeTaskRow } from '../../journal/rows.ts'
import { toSettlement } from '../../lifecycle/settlement.ts'
import { toTaskEvent } from '../../task/event.ts'
import type { Outcome } from '../../task/outcome.ts'
import { changeTask } from '../../task/task.ts'
import type { Statements } from '../database/database.ts'
import { toEntryRow, toNewDelivery } from '../journal/rows.ts'
import type { HeldTicket } from '../tickets.ts'
import type { Claimed, ExchangeDeps } from './exchange.ts'
import { toOneTripText } from './one-trip-text.ts'
import type { EndedRun } from './run.ts'

/** What an exchange of one statement has done. */
export interface OneTrip {
  readonly entries: readonly JournalEntry[]
  readonly claimed: readonly Claimed[]
  /** Runs whose outcome is not written: somebody else has written to the task, so that it has to be decided again. */
  readonly undecided: readonly EndedRun[]
  /** Tickets that were taken, of tasks that did not start: each needs a further look. */
  readonly left: readonly HeldTicket[]
}

/** A task that was cancelled has a newer version than the one of its run, and the others are no ends. */
const PLAIN_ENDS: ReadonlySet<Outcome['kind']> = new Set(['completed', 'failed', 'timeout'])

type TripRow = Partial<WholeTaskRow> & {
  readonly refused?: readonly string[] | null
  readonly ticket_id?: string | null
  readonly attempt?: number
  readonly ticket?: number
}

/**
 * Writes what came of runs, and claims tasks for free slots, in one statement; null: something of it is not usual, and
 * nothing was done. `Exchange` is the long form of it, for everything.
 */
export async function exchangeAtOnce(
  db: Statements,
  deps: ExchangeDeps,
  { ended, free }: { readonly ended: readonly EndedRun[]; readonly free: number },
): Promise<OneTrip | null> {
  const types = listFreeTypes(deps)
  const ends = toEnds(ended, types, deps)
  if (ends === null || (free > 0 && types.length === 0)) return null
  const fetchText = free === 0 ? null : await deps.tickets.fetchText(free)
  if (free > 0 && fetchText === null) return null
  const given = ends.map(({ task, event }) => ({ ...toEntryRow(task, event), result: task.result }))
  const now = deps.clock.now()
  const rows = await db.query<TripRow & Record<string, unknown>>(toText(fetchText, ended, deps), [
    deps.member,
    ...(fetchText === null ? [] : [now, types]),
    ...(given.length === 0 ? [] : [JSON.stringify(given), given.map(({ id }) => id)]),
  ])
  const refused = new Set(rows[0]?.refused ?? [])
  const claimed = toClaimed(rows)
  const starts = claimed.map(({ task }) => ({
    task,
    event: toTaskEvent(task, { type: 'started', attempt: task.attempt }, now),
  }))
  return {
    entries: [...ends.filter(({ task }) => !refused.has(task.id)), ...starts],
    claimed,
    undecided: ended.filter(({ run }) => refused.has(run.id)),
    left: rows.flatMap(({ id, ticket_id: ticketId, attempt = 0 }) =>
      ticketId != null && id == null ? [{ id: ticketId, retryCount: attempt }] : [],
    ),
  }
}

/** A text of several thousand characters is made once: each new one is compared with all that are prepared. */
const texts = new Map<string | null, Map<string, string>>()

function toText(fetchText: string | null, ended: readonly EndedRun[], { weightOf }: ExchangeDeps): string {
  const hasTurns = weightOf !== null
  const hasEnds = ended.length > 0
  // Who joins a task later writes to it, and its end is decided again.
  const hasLeftovers = ended.some(({ run: { hasSteps, task } }) => hasSteps || task.joins > 1)
  let known = texts.get(fetchText)
  if (known === undefined) texts.set(fetchText, (known = new Map()))
  const key = `${hasEnds} ${hasTurns} ${hasLeftovers}`
  let text = known.get(key)
  if (text === undefined)
    known.set(key, (text = toOneTripText({ fetchText, hasEnds, hasTurns, hasLeftovers })))
  return text
}

/** Types whose tasks no limit and no operator holds back. */
function listFreeTypes({ registry, maxRunningPerCaller, pausedGroups }: ExchangeDeps) {
  if (maxRunningPerCaller !== Infinity || pausedGroups().length > 0) return []
  return registry.all.map(({ type }) => type).filter((type) => registry.concurrencyOf(type) === Infinity)
}

/** The ends of runs, over the versions that this process knows; null: one of them is not plainly an end. */
function toEnds(
  ended: readonly EndedRun[],
  types: readonly string[],
  { clock, maxRunningPerCaller }: ExchangeDeps,
): readonly JournalEntry[] | null {
  if (new Set(ended.map(({ run }) => run.id)).size < ended.length) return null
  const entries: JournalEntry[] = []
  for (const { run, outcome } of ended) {
    const { task } = run
    if (!PLAIN_ENDS.has(outcome.kind) || task.status !== 'running') return null
    // Its end makes room for one that was held back.
    if (maxRunningPerCaller !== Infinity || !types.includes(task.type)) return null
    const { change, body } = toSettlement(task, outcome, { now: clock.now(), tasksAhead: 0 })
    const ending = changeTask(task, { ...change, runMs: Math.round(clock.monotonic() - run.startedAt) })
    const entry = { task: ending, event: toTaskEvent(ending, body, clock.now()) }
    if (toNewDelivery(entry) !== null) return null
    entries.push(entry)
  }
  return entries
}

/** In the order of their tickets. */
function toClaimed(rows: readonly TripRow[]): readonly Claimed[] {
  const started = rows.filter(({ id }) => id != null) as (WholeTaskRow & TripRow)[]
  return started
    .toSorted((a, b) => (b.ticket ?? 0) - (a.ticket ?? 0))
    .map((row) => ({ task: toTask(row), ticket: { id: row.id, retryCount: row.attempt ?? 0 } }))
}
