import type { Registry } from '../../handler/registry.ts'
import type { JournalEntry } from '../../journal/journal.ts'
import { toInterruption } from '../../lifecycle/crash-rule.ts'
import { toExpired, toRequeued, toSettlement, toStart, type Settlement } from '../../lifecycle/settlement.ts'
import { placeAfter, toTaskEvent } from '../../task/event.ts'
import type { Outcome } from '../../task/outcome.ts'
import { isTerminal } from '../../task/status.ts'
import { isInGroup, type TaskGroup } from '../../task/task-group.ts'
import { changeTask, type Task, type TaskChange } from '../../task/task.ts'
import type { Clock } from '../../time/clock.ts'
import type { Statements } from '../database/database.ts'
import { toTicketPriority } from '../admission/order.ts'
import { takeTurn, toTurnsTaken, type WeightOf } from '../admission/turns.ts'
import { CounterChanges } from '../journal/counters.ts'
import { selectForUpdate } from '../journal/select-tasks.ts'
import { writeEntries } from '../journal/write-entries.ts'
import type { HeldTicket, NewTicket, Tickets } from '../tickets.ts'
import { findHeldBack, Gates, type GateLimits } from './gates.ts'
import type { EndedRun } from './run.ts'

export interface ExchangeDeps extends GateLimits {
  readonly tickets: Tickets
  readonly registry: Registry
  /** Of this process. */
  readonly member: number
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** How many turns a caller gets for one of another; null: callers take no turns. */
  readonly weightOf: WeightOf | null
  /** Nothing of these groups starts. */
  readonly pausedGroups: () => readonly TaskGroup[]
}

/** A task that may start now. */
export interface Claimed {
  readonly task: Task
  readonly ticket: HeldTicket
}

/** A ticket that cannot be used now is looked at again after this time, ms. */
const LATER_MS = 1000
/** A task that waits for a resource is woken when there is room; after this time, ms, it looks by itself. */
const PARKED_MS = 60_000
/** One of a type that this process does not know: another process may. */
const UNKNOWN_TYPE_MS = 5000

/**
 * One transaction of a worker: what came of its runs, and the next tasks for the slots that are free. Tickets are locked
 * before their tasks, and everything that moves a task moves its ticket.
 */
export class Exchange {
  readonly entries: JournalEntry[] = []
  readonly claimed: Claimed[] = []
  /** Runs whose outcome was refused: another run of the task has begun. */
  readonly refused: EndedRun[] = []
  /** Whether tickets were made that others could take. */
  hasTickets = false
  /** Names of types that are not known here. */
  readonly unknownTypes = new Set<string>()
  readonly #deps: ExchangeDeps
  readonly #tx: Statements
  readonly #counters: CounterChanges
  readonly #removed: string[] = []
  readonly #inserted: NewTicket[] = []

  constructor(tx: Statements, deps: ExchangeDeps) {
    this.#tx = tx
    this.#deps = deps
    this.#counters = new CounterChanges(deps.member)
  }

  /** @param left tickets that were taken before, which nothing has come of yet */
  async perform(ended: readonly EndedRun[], free: number, left: readonly HeldTicket[] = []): Promise<void> {
    await this.#settle(ended)
    await this.#moveTickets()
    if (free > 0 || left.length > 0) await this.#claim(free, left)
    await this.#moveTickets()
    await this.#counters.flush(this.#tx)
  }

  async #settle(ended: readonly EndedRun[]): Promise<void> {
    if (ended.length === 0) return
    const { tickets } = this.#deps
    const ids = ended.map(({ run }) => run.id)
    await tickets.lock(this.#tx, ids)
    const newest = new Map((await selectForUpdate(this.#tx, ids)).map((found) => [found.task.id, found]))
    const entries: JournalEntry[] = []
    for (const each of ended) {
      const found = newest.get(each.run.id)
      if (found === undefined || found.task.run !== each.run.run || !isRunning(found.task)) {
        this.refused.push(each)
        continue
      }
      const entry = this.#toEnd(found.task, each)
      entries.push(entry)
      this.#moveTicket(entry.task, found.ticket)
    }
    await this.#writeEntries(entries)
    await markParked(this.#tx, entries)
    for (const id of await findHeldBack(this.#tx, this.#deps, entries)) await tickets.wake(this.#tx, id)
  }

  #toEnd(task: Task, { run, outcome: decided }: EndedRun): JournalEntry {
    const { clock } = this.#deps
    // A cancel that came before the end is its outcome.
    const outcome: Outcome = task.status === 'cancelling' ? { kind: 'cancelled' } : decided
    if (outcome.kind === 'waits' && outcome.wait.reason === 'retry_backoff')
      this.#counters.add('retried', 0, 1)
    const settlement = toSettlement(task, outcome, { now: clock.now(), tasksAhead: 0 })
    const { status } = settlement.change
    const isEnd = status !== undefined && isTerminal(status)
    const runMs = Math.round(clock.monotonic() - run.startedAt)
    return this.#toEntry(task, settlement, isEnd ? { runMs } : {})
  }

  /** A task that goes back to the queue, or waits, gets a new ticket of the same order. */
  #moveTicket({ id, status, waitUntil, waitResource }: Task, priority: number): void {
    this.#removed.push(id)
    if (isTerminal(status)) return
    const until = waitResource === null ? waitUntil : this.#deps.clock.now() + PARKED_MS
    this.#inserted.push({ id, priority, startAfter: status === 'queued' ? null : until })
  }

  async #claim(free: number, left: readonly HeldTicket[]): Promise<void> {
    const { tickets, clock } = this.#deps
    const held = [...(await tickets.lockHeld(this.#tx, left)), ...(await tickets.fetch(this.#tx, free))]
    if (held.length === 0) return
    const found = new Map(
      (
        await selectForUpdate(
          this.#tx,
          held.map(({ id }) => id),
        )
      ).map((each) => [each.task.id, each]),
    )
    this.#removed.push(...held.flatMap(({ id }) => (found.has(id) ? [] : [id])))
    const gates = await Gates.open(
      this.#tx,
      this.#deps,
      [...found.values()].map(({ task }) => task),
    )
    const ready: { readonly task: Task; readonly ticket: HeldTicket }[] = []
    const before: JournalEntry[] = []
    // In the order of their tickets, which the reply does not have.
    for (const ticket of held.toSorted(
      (a, b) => (found.get(b.id)?.ticket ?? 0) - (found.get(a.id)?.ticket ?? 0),
    )) {
      const each = found.get(ticket.id)
      if (each === undefined) continue
      const entry = await this.#prepare(each.task, clock.now())
      if (entry !== null) before.push(entry)
      const task = entry?.task ?? each.task
      if (isTerminal(task.status)) this.#removed.push(task.id)
      else if (each.task.status === 'scheduled' && this.#deps.weightOf !== null)
        await this.#takeTurn(task, this.#deps.weightOf)
      else if (this.#mayStart(task, gates)) ready.push({ task, ticket })
      else this.#putBack(task, each.ticket)
    }
    await this.#writeEntries(before)
    const started = ready.map(({ task, ticket }) => ({ entry: this.#toStart(task), ticket }))
    await this.#writeEntries(started.map(({ entry }) => entry))
    await this.#writeTaken(started.map(({ ticket: { id } }) => id))
    this.claimed.push(...started.map(({ entry, ticket }) => ({ task: entry.task, ticket })))
  }

  /** What has to be written before a task can start: null: nothing. It may end by it. */
  async #prepare(task: Task, now: number): Promise<JournalEntry | null> {
    if (isTerminal(task.status)) return null
    if (isRunning(task)) return this.#toInterrupted(task, now)
    if (task.run === 0 && task.startDeadlineAt !== null && now > task.startDeadlineAt)
      return this.#toEntry(task, toExpired(now))
    if (task.status === 'queued') return null
    return this.#toEntry(task, toRequeued(placeAfter(0)))
  }

  /** Its process is gone, or was taken for gone: its ticket came back. */
  async #toInterrupted(task: Task, now: number): Promise<JournalEntry> {
    const sql = 'SELECT count(*)::integer AS count FROM headgate.steps WHERE task_id = $1'
    const [row] = await this.#tx.query<{ count: number }>(sql, [task.id])
    const { outcome, also } = toInterruption(task, row?.count ?? 0)
    return this.#toEntry(task, toSettlement(task, outcome, { now, tasksAhead: 0 }), also)
  }

  #mayStart(task: Task, gates: Gates): boolean {
    const { registry, pausedGroups } = this.#deps
    if (registry.find(task.type) === undefined) {
      this.unknownTypes.add(task.type)
      return false
    }
    return !pausedGroups().some((group) => isInGroup(task, group)) && gates.enter(task)
  }

  #putBack({ id, type }: Task, priority: number): void {
    const laterMs = this.unknownTypes.has(type) ? UNKNOWN_TYPE_MS : LATER_MS
    this.#removed.push(id)
    this.#inserted.push({ id, priority, startAfter: this.#deps.clock.now() + laterMs })
  }

  /** One that was delayed stands behind what its caller has waiting. */
  async #takeTurn(task: Task, weightOf: WeightOf): Promise<void> {
    const { id, priority } = task
    const ticket = toTicketPriority(await takeTurn(this.#tx, task, weightOf), priority, 0)
    await this.#tx.query('UPDATE headgate.tasks SET ticket = $2 WHERE id = $1', [id, ticket])
    this.#removed.push(id)
    this.#inserted.push({ id, priority: ticket, startAfter: null })
  }

  async #writeTaken(ids: readonly string[]): Promise<void> {
    if (this.#deps.weightOf === null || ids.length === 0) return
    const started = '(SELECT priority, ticket FROM headgate.tasks WHERE id = ANY ($2))'
    await this.#tx.query(toTurnsTaken('$1', started), [this.#deps.member, ids])
  }

  #toStart(task: Task): JournalEntry {
    const startedAt = this.#deps.clock.now()
    return this.#toEntry(task, toStart(task, startedAt, Math.max(0, startedAt - task.createdAt)))
  }

  #toEntry(before: Task, { change, body }: Settlement, also: TaskChange = {}): JournalEntry {
    const task = changeTask(before, { ...change, ...also })
    return { task, event: toTaskEvent(task, body, this.#deps.clock.now()) }
  }

  async #writeEntries(entries: readonly JournalEntry[]): Promise<void> {
    if (entries.length === 0) return
    const { member } = this.#deps
    const written = await writeEntries({ tx: this.#tx, counters: this.#counters, member }, entries)
    // Their rows are locked, so that none can be stale.
    if (written.size !== entries.length) throw new Error('an entry of a locked task was stale')
    this.entries.push(...entries)
  }

  async #moveTickets(): Promise<void> {
    const { tickets } = this.#deps
    await tickets.remove(this.#tx, this.#removed.splice(0))
    const inserted = this.#inserted.splice(0)
    await tickets.insert(this.#tx, inserted)
    this.hasTickets ||= inserted.some(({ startAfter }) => startAfter === null)
  }
}

function isRunning({ status }: Task): boolean {
  return status === 'running' || status === 'cancelling'
}

/** Those that wait for a resource are found by its name. It stays when they do not wait any more. */
async function markParked(tx: Statements, entries: readonly JournalEntry[]): Promise<void> {
  const waiting = entries.filter(({ task }) => task.status === 'waiting')
  if (waiting.length === 0) return
  await tx.query(
    `UPDATE headgate.tasks SET wait_resource = given.resource
      FROM json_to_recordset($1) AS given(id text, resource text) WHERE tasks.id = given.id`,
    [JSON.stringify(waiting.map(({ task: { id, waitResource: resource } }) => ({ id, resource })))],
  )
}
