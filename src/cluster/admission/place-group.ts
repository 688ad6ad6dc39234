import type { QueryResultRow } from 'pg'
import { KEY_LIFETIME_MS, toCallerName, toReplay, type KeyUse } from '../../admission/idempotency-keys.ts'
import { toJoin, toMoved, deliveryId } from '../../admission/joining.ts'
import { toNewTask, type CheckedSubmission } from '../../admission/new-task.ts'
import { listIgnored } from '../../admission/single-flight.ts'
import type { Refusal, SubmitReply } from '../../admission/submission.ts'
import type { Defaults } from '../../admission/validate.ts'
import type { WaitEstimator } from '../../forecast/wait-estimator.ts'
import type { JournalEntry, KeyRecord } from '../../journal/journal.ts'
import { PARKED_PER_PLACE } from '../../pool/delayed.ts'
import type { PoolBounds } from '../../pool/pool-options.ts'
import { placeAfter, toTaskEvent } from '../../task/event.ts'
import { changeTask, type Task } from '../../task/task.ts'
import type { Transaction } from '../database/database.ts'
import { CounterChanges } from '../journal/counters.ts'
import { toNewTaskRow, type NewTaskRow } from '../journal/rows.ts'
import { selectForUpdate } from '../journal/select-tasks.ts'
import {
  addDeliveries,
  writeEntries,
  sendAdmission,
  writeKeys,
  writeNewTasks,
} from '../journal/write-entries.ts'
import { Places, type PlacesOptions } from './places.ts'
import type { NewTicket, Tickets } from '../tickets.ts'
import {
  countByCaller,
  findContents,
  findKeys,
  findTasks,
  toLocked,
  Unfinished,
  type KnownContent,
} from './known.ts'

/** A submission that was found to be in order. */
export interface Newcomer extends CheckedSubmission {
  /** null: it is not to be found by its content. */
  readonly content: string | null
  /** null: it has no key. */
  readonly key: KeyUse | null
}

export interface GroupDeps {
  readonly tickets: Tickets
  readonly estimator: WaitEstimator
  /** Of this process. */
  readonly member: number
  readonly bounds: PlacesOptions & Pick<PoolBounds, 'maxQueuedPerCaller' | 'maxParked'>
  readonly defaults: Defaults
  readonly nextId: () => string
  readonly capacity: () => number
  readonly refuse: (code: Refusal['code'], waiting: number) => Refusal
}

/** What one transaction has admitted. */
export interface PlacedGroup {
  /** In the order of the submissions. */
  readonly replies: readonly SubmitReply[]
  readonly entries: readonly Pick<JournalEntry, 'task' | 'event'>[]
  /** Whether anything can start now. */
  readonly hasTickets: boolean
  /** Whether a webhook is due. */
  readonly hasWebhooks: boolean
}

/** Thrown to take back everything when one of those that belong together finds no place. */
export class NoPlace extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.code)
    this.refusal = refusal
  }
}

/**
 * Admits a group of submissions in one transaction, in their order: known keys and known work drop out, the rest get
 * places up to the capacity, and what is admitted is written with its tickets.
 */
export class PlaceGroup {
  readonly #entries: Pick<JournalEntry, 'task' | 'event'>[] = []
  readonly #deps: GroupDeps
  readonly #tx: Transaction
  readonly #first: readonly (readonly QueryResultRow[])[]
  readonly #counters: CounterChanges
  readonly #rows: NewTaskRow[] = []
  readonly #tickets: NewTicket[] = []
  readonly #keys: KeyRecord[] = []
  readonly #newTasks = new Map<string, Task>()
  readonly #replies = new Map<string, SubmitReply>()
  #places!: Places
  #unfinished!: Unfinished
  /** Of earlier groups, and of this one. */
  #knownKeys!: Map<string, KeyRecord>
  #contents!: Map<string, KnownContent>
  #byCaller: Map<string, number> | null = null
  #tasksOfKeys!: ReadonlyMap<string, Task>
  #hasWebhooks = false

  /** @param first what the statements of `LOCK_AND_COUNT` have returned, with which the transaction has begun */
  constructor(tx: Transaction, first: readonly (readonly QueryResultRow[])[], deps: GroupDeps) {
    this.#tx = tx
    this.#first = first
    this.#deps = deps
    this.#counters = new CounterChanges(deps.member)
  }

  /** @param isAll whether none is admitted when one finds no place; @throws NoPlace then */
  async admit(newcomers: readonly Newcomer[], isAll: boolean): Promise<PlacedGroup> {
    await this.#read(newcomers)
    const replies: SubmitReply[] = []
    for (const newcomer of newcomers) {
      const reply = await this.#admitOne(newcomer)
      if (isAll && reply.kind === 'refused') throw new NoPlace(reply)
      if (newcomer.key !== null) this.#replies.set(toCallerName(newcomer.key.caller, newcomer.key.key), reply)
      replies.push(reply)
    }
    await this.#write()
    return {
      replies,
      entries: this.#entries,
      hasTickets: this.#tickets.length > 0,
      hasWebhooks: this.#hasWebhooks,
    }
  }

  async #read(newcomers: readonly Newcomer[]): Promise<void> {
    const tx = this.#tx
    const [locked = [], counts = []] = this.#first
    this.#unfinished = Unfinished.of(counts)
    this.#places = new Places(toLocked(locked), this.#unfinished, this.#deps.bounds)
    const submissions = newcomers.map(({ submission }) => submission)
    await this.#places.readTurns(tx, submissions)
    const keys = newcomers.flatMap(({ key }) => key ?? [])
    this.#knownKeys = await findKeys(tx, keys)
    const ids = [...this.#knownKeys.values()].map(({ taskId }) => taskId)
    this.#tasksOfKeys = await findTasks(tx, ids)
    const contents = newcomers.flatMap(({ content }) => content ?? [])
    this.#contents = await findContents(tx, contents)
    if (this.#deps.bounds.maxQueuedPerCaller === Infinity) return
    this.#byCaller = await countByCaller(tx, [
      ...new Set(newcomers.map(({ submission }) => submission.caller)),
    ])
  }

  /** The database's clock, epoch ms. */
  get #now(): number {
    return this.#places.order.now
  }

  async #admitOne(newcomer: Newcomer): Promise<SubmitReply> {
    const { key, content, submission } = newcomer
    const byKey = key === null ? undefined : this.#findByKey(key)
    if (byKey !== undefined) return byKey
    const known = content === null ? undefined : this.#contents.get(toCallerName(submission.caller, content))
    const duplicate =
      known === undefined || submission.isForced ? undefined : await this.#join(newcomer, known)
    if (duplicate !== undefined) {
      if (key !== null) this.#saveKey(key, duplicate.task.id, duplicate.waiter)
      return duplicate
    }
    return this.#refusal(newcomer) ?? this.#place(newcomer)
  }

  #findByKey({ caller, key, fingerprint }: KeyUse): SubmitReply | undefined {
    const name = toCallerName(caller, key)
    const known = this.#knownKeys.get(name)
    if (known === undefined || known.expiresAt <= this.#now) return undefined
    if (known.fingerprint !== fingerprint) return { kind: 'idempotency-mismatch' }
    const reply = this.#replies.get(name)
    if (reply !== undefined) return toReplay(reply)
    const task = this.#tasksOfKeys.get(known.taskId)
    if (task === undefined) return { kind: 'task-gone' }
    return { kind: 'duplicate', how: 'replayed', task, waiter: known.waiter, ignored: [] }
  }

  /** Lets a submission wait for a task that does the same work, or have the one that is completed; undefined: it has ended. */
  async #join(
    { submission }: Newcomer,
    { id, isCompleted }: KnownContent,
  ): Promise<Extract<SubmitReply, { kind: 'duplicate' }> | undefined> {
    const ignored = listIgnored(submission)
    if (isCompleted) {
      const task = (await findTasks(this.#tx, [id])).get(id)
      if (task === undefined) return undefined
      const { webhook, caller } = submission
      const delivery = {
        id: `${deliveryId(id, task.joins)}_${this.#deps.nextId()}`,
        caller,
        taskId: id,
        attempt: 0,
      }
      if (webhook !== null) {
        await addDeliveries(this.#tx, [{ ...delivery, ...webhook, nextAt: this.#now }])
        this.#hasWebhooks = true
      }
      return { kind: 'duplicate', how: 'exists', task, waiter: null, ignored }
    }
    // One of this very group is written first, so that it can be joined.
    if (this.#newTasks.has(id)) await this.#writeTasks()
    const task = await this.#joinLive(submission, id)
    return task && { kind: 'duplicate', how: 'in_progress', task, waiter: task.joins, ignored }
  }

  async #joinLive(submission: Newcomer['submission'], id: string): Promise<Task | undefined> {
    const { tickets, member } = this.#deps
    const tx = this.#tx
    await tickets.lock(tx, [id])
    const [found] = await selectForUpdate(tx, [id])
    if (found === undefined || found.task.finishedAt !== null || found.task.status === 'cancelling')
      return undefined
    const { task: before } = found
    const hasStarted = before.status === 'running'
    const isLifted = submission.priority > before.priority && !hasStarted
    const place = placeAfter(
      this.#unfinished.of('queued', submission.priority),
      null,
      this.#deps.bounds.weightOf !== null,
    )
    const lifted = isLifted ? toMoved(before, submission.priority, place) : null
    const { change, body, ...also } = toJoin(before, submission, lifted)
    const task = changeTask(before, change)
    const entry = { task, event: toTaskEvent(task, body, this.#now), ...also }
    await writeEntries({ tx, counters: this.#counters, member }, [entry])
    if (isLifted) await this.#lift(id, this.#places.lift(task, found.rank))
    this.#entries.push(entry)
    return task
  }

  /** Moves a ticket, also that of one in this very group, which is not written yet. */
  async #lift(id: string, priority: number): Promise<void> {
    await this.#deps.tickets.setPriority(this.#tx, id, priority)
    const index = this.#tickets.findIndex((ticket) => ticket.id === id)
    const own = this.#tickets[index]
    if (own !== undefined) this.#tickets[index] = { ...own, priority }
  }

  #refusal({ submission: { caller } }: Newcomer): Refusal | undefined {
    const { capacity, refuse } = this.#deps
    const { maxParked, maxQueuedPerCaller } = this.#deps.bounds
    const { taken } = this.#unfinished
    const mostParked = maxParked ?? capacity() * PARKED_PER_PLACE
    const isFull = taken >= capacity() || this.#unfinished.of('waiting') > mostParked
    const ofCaller = this.#byCaller?.get(caller) ?? 0
    if (!isFull && ofCaller < maxQueuedPerCaller) return undefined
    this.#counters.add('rejected', 0, 1)
    return refuse(isFull ? 'queue-full' : 'user-queue-full', taken)
  }

  #place(newcomer: Newcomer): SubmitReply {
    const { estimator, defaults, nextId } = this.#deps
    const { submission, content, key } = newcomer
    const { priority, caller, delayMs } = submission
    const { rank, ticket, tasksAhead, isEstimate } = this.#places.give(submission)
    const toldWait = delayMs === 0 ? estimator.newcomer(priority, tasksAhead) : null
    const createdAt = this.#now
    const task = {
      ...toNewTask(newcomer, { id: nextId(), createdAt, content, toldWait }, defaults),
      lastSeq: 1,
    }
    const place = placeAfter(tasksAhead, toldWait, isEstimate)
    const event = toTaskEvent(task, { type: 'queued', ...place }, createdAt)
    this.#rows.push(toNewTaskRow(task, event, { rank, ticket }))
    this.#tickets.push({ id: task.id, priority: ticket, startAfter: task.waitUntil })
    this.#newTasks.set(task.id, task)
    this.#unfinished.add(task.status, priority, 1)
    this.#counters.accept(task)
    this.#byCaller?.set(caller, (this.#byCaller.get(caller) ?? 0) + 1)
    if (content !== null)
      this.#contents.set(toCallerName(caller, content), { id: task.id, isCompleted: false })
    if (key !== null) this.#saveKey(key, task.id, 1)
    estimator.arrivals.add(priority, task.type, createdAt)
    this.#entries.push({ task, event })
    return { kind: 'accepted', task, place }
  }

  #saveKey(use: KeyUse, taskId: string, waiter: number | null): void {
    const record = { ...use, taskId, waiter, expiresAt: this.#now + KEY_LIFETIME_MS }
    this.#keys.push(record)
    this.#knownKeys.set(toCallerName(use.caller, use.key), record)
  }

  async #writeTasks(): Promise<void> {
    const rows = this.#rows.splice(0)
    if (rows.length > 0) await writeNewTasks(this.#tx, rows)
  }

  async #write(): Promise<void> {
    const tx = this.#tx
    await writeKeys(tx, this.#keys)
    await this.#places.writeTurns(tx)
    if (this.#tickets.length === 0) return this.#counters.flush(tx)
    await this.#deps.tickets.send(tx, this.#tickets)
    sendAdmission(tx, { rows: this.#rows.splice(0), order: this.#places.order, counters: this.#counters })
  }
}
