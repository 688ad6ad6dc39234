import { Samples } from '../forecast/samples.ts'
import { toPastTask, type PastTask } from '../journal/journal.ts'
import { TASK_COLUMNS, toTask, type WholeTaskRow } from '../journal/rows.ts'
import type { LifecycleView, QueueControls, QueueView } from '../lifecycle/queue-view.ts'
import { SAMPLE_COUNT } from '../lifecycle/transitions.ts'
import type { Hold } from '../pool/pool-options.ts'
import { placeAfter, type QueuePlace } from '../task/event.ts'
import type { Priority } from '../task/priority.ts'
import { TASK_STATUSES } from '../task/status.ts'
import type { TaskGroup } from '../task/task-group.ts'
import type { Task, WaitEstimate } from '../task/task.ts'
import { toTicket, type Ticket } from '../task/ticket.ts'
import type { PlacesOptions } from './admission/places.ts'
import type { Database } from './database/database.ts'
import { LISTED_COLUMNS } from './journal/columns.ts'
import { CounterChanges, SharedCounters } from './journal/counters.ts'
import { listMembers, type Member } from './members/members.ts'
import { estimateAhead } from './members/estimate-place.ts'
import { OwnControls } from './members/own-controls.ts'

/** Waiting tasks that are known by their place; that of those behind them is estimated. */
const MAX_LISTED = 1000
/** Looks take this share of the time at most while they are short, so that many readers cost no more than few. */
const MAX_SHARE = 0.25
/** A reader does not wait longer for the next look to begin, ms: it sees what was written before it asked. */
const MAX_WAIT_MS = 250
const MAX_RUNNING = 1000
/** Tasks are listed at least this often, ms, also while nobody asks: waits are estimated by them. */
const LISTED_MS = 3000

export interface ClusterViewOptions extends PlacesOptions {
  readonly db: Database
  /** Number of this process among the members. */
  readonly member: number
  /** Of this process, as they are set. */
  readonly slots: number
  readonly capacity: number
}

/** The numbers of the whole cluster as they were at the last look, and what an operator sets in this process. */
export class ClusterView implements QueueView, LifecycleView {
  readonly counters = new SharedCounters()
  readonly transitions = {
    /** Time between admission and first start, ms. */
    waitSamples: new Samples(SAMPLE_COUNT),
    /** Time of the last run, ms. */
    runSamples: new Samples(SAMPLE_COUNT),
  }
  /** What an operator sets in this process. */
  readonly controlled: QueueControls = new OwnControls(this)
  readonly holds = new Set<Hold>()
  /** Slots of this process. */
  ownSlots: number
  capacity: number
  pausedGroups: readonly TaskGroup[] = []
  members: readonly Member[] = []
  running = 0
  /** Unresponsive handlers of this process. */
  own: { readonly stuck: number; readonly isAtStuckLimit: boolean } = { stuck: 0, isAtStuckLimit: false }
  oldestCreatedAt: number | null = null
  #newestCreatedAt = 0
  runningTasks: readonly Task[] = []
  readonly #options: ClusterViewOptions
  #byPriority = new Map<Priority, number>()
  #waiting: readonly Ticket[] = []
  #tasks = new Map<string, Task>()
  #places = new Map<string, number>()
  #newestEnd = 0
  #isDirty = true
  #looking: Promise<void> | null = null
  #notBefore = 0
  #listedAt = -Infinity
  /** Called when slots may have become free. */
  onChange: () => void = () => undefined
  /** Called for each task that has completed since the last look, in this process or another. */
  onCompleted: (task: PastTask) => void = () => undefined

  constructor(options: ClusterViewOptions) {
    this.#options = options
    this.ownSlots = options.slots
    this.capacity = options.capacity
  }

  /** Of all members. */
  get slots(): number {
    const { member } = this.#options
    // Those of this process are known as they are now.
    return this.members.reduce((sum, { id, slots }) => sum + (id === member ? 0 : slots), this.ownSlots)
  }

  get stuck(): number {
    const { member } = this.#options
    return this.members.reduce((sum, { id, stuck }) => sum + (id === member ? 0 : stuck), this.own.stuck)
  }

  get isAtStuckLimit(): boolean {
    return this.own.isAtStuckLimit
  }

  get waiting(): number {
    return this.counters.of('queued')
  }

  get taken(): number {
    return this.counters.of('queued') + this.counters.of('scheduled')
  }

  waitingOf(priority: Priority): number {
    return this.#byPriority.get(priority) ?? 0
  }

  isWaiting(id: string): boolean {
    return this.#places.has(id)
  }

  tasksAhead(id: string): number | undefined {
    return this.#places.get(id)
  }

  /** Of a task behind those that are listed; undefined: all that wait are. */
  estimateAhead(task: Pick<Task, 'status' | 'priority' | 'createdAt'>): number | undefined {
    if (task.status !== 'queued' || this.#waiting.length < MAX_LISTED) return undefined
    return estimateAhead(task, {
      listed: this.#waiting,
      newestCreatedAt: this.#newestCreatedAt,
      waitingOf: (priority) => this.waitingOf(priority),
      headStartMs: this.#options.headStartMs,
    })
  }

  aheadOfNewcomer(priority: Priority): number {
    return [...this.#byPriority].reduce((sum, [level, count]) => sum + (level >= priority ? count : 0), 0)
  }

  waitingInOrder(priority?: Priority): Iterable<Ticket> {
    return priority === undefined
      ? this.#waiting
      : this.#waiting.filter((ticket) => ticket.priority === priority)
  }

  placeAfter(tasksAhead: number, wait: WaitEstimate | null = null): QueuePlace {
    return placeAfter(tasksAhead, wait, this.#options.headStartMs > 0 && tasksAhead >= MAX_LISTED)
  }

  /** The place behind all that wait on a level; where callers take turns it is an estimate. */
  placeAtEnd(priority: Priority): QueuePlace {
    const tasksAhead = this.aheadOfNewcomer(priority)
    return this.#options.weightOf === null ? this.placeAfter(tasksAhead) : placeAfter(tasksAhead, null, true)
  }

  /** One that runs, or is among the first that wait, as it was at the last look. */
  live(id: string): Task | undefined {
    return this.#tasks.get(id)
  }

  pause(hold: Hold = 'operator'): void {
    this.holds.add(hold)
  }

  resume(hold: Hold = 'operator'): void {
    this.holds.delete(hold)
    this.onChange()
  }

  pauseGroups(groups: readonly TaskGroup[]): void {
    this.pausedGroups = groups
    this.onChange()
  }

  resize({ slots, capacity }: { readonly slots?: number; readonly capacity?: number }): void {
    this.ownSlots = slots ?? this.ownSlots
    this.capacity = capacity ?? this.capacity
    this.onChange()
  }

  /** Something was written: who reads next sees it. */
  markChanged(): void {
    this.#isDirty = true
  }

  /**
   * Keeps the numbers fresh while nobody asks: they cost little. A reader sees the tasks, too, which cost as much as all
   * that are listed.
   */
  async keepFresh(): Promise<void> {
    if (this.#looking !== null) return
    if (performance.now() - this.#listedAt >= LISTED_MS) return this.freshen()
    await this.#readNumbers()
  }

  /** Looks at the database when something has changed since the last look; who comes while it is looked shares the next one. */
  async freshen(): Promise<void> {
    if (!this.#isDirty && this.#looking === null) return
    await this.#looking
    if (!this.#isDirty) return
    this.#looking ??= this.#lookInTurn().finally(() => (this.#looking = null))
    await this.#looking
  }

  async #lookInTurn(): Promise<void> {
    const waitMs = Math.min(MAX_WAIT_MS, this.#notBefore - performance.now())
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    this.#isDirty = false
    const startedAt = performance.now()
    try {
      await this.#look()
    } catch {
      // The database is away: the numbers are those of before.
      this.#isDirty = true
    }
    const endedAt = performance.now()
    this.#notBefore = endedAt + (endedAt - startedAt) * (1 / MAX_SHARE - 1)
  }

  async #look(): Promise<void> {
    await this.#readNumbers()
    await this.#readWaiting()
    await this.#readEnded()
    this.#listedAt = performance.now()
  }

  async #readNumbers(): Promise<void> {
    await this.#writeRefused()
    await this.#readCounters()
    this.members = await listMembers(this.#options.db)
  }

  /** What was refused without asking the database. */
  async #writeRefused(): Promise<void> {
    const { unwritten } = this.counters
    const changes = new CounterChanges(this.#options.member)
    changes.add('rejected', 0, unwritten)
    await changes.flush(this.#options.db)
    this.counters.unwritten -= unwritten
  }

  async #readCounters(): Promise<void> {
    const rows = await this.#options.db.query<{ name: string; priority: Priority; count: number }>(
      'SELECT name, priority, sum(count)::bigint AS count FROM headgate.counters GROUP BY name, priority',
    )
    const totals: Record<string, number> = {}
    const byPriority = new Map<Priority, number>()
    for (const { name, priority, count } of rows) {
      totals[name] = (totals[name] ?? 0) + count
      if (name === 'queued') byPriority.set(priority, count)
    }
    this.#byPriority = byPriority
    const { unwritten } = this.counters
    const counts = Object.fromEntries(TASK_STATUSES.map((status) => [status, totals[status] ?? 0]))
    this.counters.restore(counts, {
      rejected: (totals['rejected'] ?? 0) + unwritten,
      retried: totals['retried'] ?? 0,
    })
    this.running = this.counters.of('running') + this.counters.of('cancelling')
  }

  async #readWaiting(): Promise<void> {
    const { db } = this.#options
    const select = async (rest: string) =>
      (
        await db.query<WholeTaskRow & Record<string, unknown>>(
          `SELECT ${LISTED_COLUMNS} FROM headgate.tasks ${rest}`,
        )
      ).map((row) => toTask(row))
    const waiting = await select(`WHERE status = 'queued' ORDER BY ticket DESC, admitted LIMIT ${MAX_LISTED}`)
    this.runningTasks = await select(`WHERE status IN ('running', 'cancelling') LIMIT ${MAX_RUNNING}`)
    const [ages] = await db.query<{ oldest: number | null; newest: number | null }>(
      `SELECT min(created_at) AS oldest, max(created_at) AS newest FROM headgate.tasks WHERE status = 'queued'`,
    )
    this.oldestCreatedAt = ages?.oldest ?? null
    this.#newestCreatedAt = ages?.newest ?? 0
    this.#waiting = waiting.map((task) => toTicket(task))
    this.#tasks = new Map([...this.runningTasks, ...waiting].map((task) => [task.id, task]))
    this.#places = new Map(waiting.map(({ id }, index) => [id, index]))
  }

  /** Run times and waits of tasks that have completed since the last look. */
  async #readEnded(): Promise<void> {
    const rows = await this.#options.db.query<WholeTaskRow & Record<string, unknown>>(
      `SELECT ${TASK_COLUMNS} FROM headgate.tasks WHERE status = 'completed' AND finished_at > $1
        ORDER BY finished_at DESC LIMIT ${SAMPLE_COUNT}`,
      [this.#newestEnd],
    )
    for (const row of rows.toReversed()) {
      const past = toPastTask(toTask(row))
      this.transitions.waitSamples.add(past.waitMs)
      this.transitions.runSamples.add(past.runMs)
      this.onCompleted(past)
      this.#newestEnd = Math.max(this.#newestEnd, row.finished_at ?? 0)
    }
  }
}
