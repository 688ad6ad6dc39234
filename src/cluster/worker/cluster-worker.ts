import type { Logger } from 'pino'
import type { Report } from '../../handler/ports.ts'
import type { Registry } from '../../handler/registry.ts'
import type { PoolBounds } from '../../pool/pool-options.ts'
import { Guard } from '../../pool/run-guard.ts'
import { StuckHandlers } from '../../pool/stuck-handlers.ts'
import { Alarms } from '../../pool/timers.ts'
import { CancelRequested, ShuttingDown, type Outcome } from '../../task/outcome.ts'
import type { Task } from '../../task/task.ts'
import type { Clock } from '../../time/clock.ts'
import { Ticker } from '../../time/ticker.ts'
import type { Cluster } from '../cluster.ts'
import type { ClusterView } from '../cluster-view.ts'
import type { ClusterResources } from '../resources/cluster-resources.ts'
import { HEARTBEAT_S } from '../tickets.ts'
import type { Claimed } from './exchange.ts'
import { Exchanger, logExchange } from './exchanger.ts'
import { writeReport, type ReportDeps } from './reports.ts'
import type { EndedRun, Run } from './run.ts'

export interface ClusterWorkerDeps {
  readonly registry: Registry
  readonly bounds: Pick<PoolBounds, 'graceMs' | 'maxStuck' | 'weightOf' | 'maxRunningPerCaller'>
  /** What an operator has set for this process. */
  readonly view: Pick<ClusterView, 'holds' | 'ownSlots' | 'pausedGroups'>
  /** What the calls of a run still hold is released with its end. */
  readonly resources: Pick<ClusterResources, 'release'>
  readonly clock: Clock
  readonly log: Logger
  /** Runs a task; never rejects. */
  readonly work: (task: Task, signal: AbortSignal) => Promise<Outcome>
}

/** Behind every hint of work stands a look. */
const POLL_MS = 1000
const BEAT_MS = 2500
/** Without a beat for this long the tickets may be somebody else's soon: runs are stopped. */
const FENCE_MS = HEARTBEAT_S * 800
/** Only who has reached the database all this time judges others. */
const HEALTHY_MS = 3000
const RETRY_MS = { min: 100, max: 2000 }

/** Runs tasks of the cluster in this process: takes tickets, reports that it holds them, and writes what came of its runs. */
export class ClusterWorker {
  readonly #cluster: Cluster
  readonly #deps: ClusterWorkerDeps
  readonly #reporting: ReportDeps
  readonly #runs = new Map<string, Run>()
  readonly #alarms: Alarms
  readonly #stuck: StuckHandlers
  readonly #exchanger: Exchanger
  readonly #tickers: readonly Ticker[]
  readonly #idle = new Set<() => void>()
  #ended: EndedRun[] = []
  #isExchanging = false
  #isAsked = false
  #mustCompare = false
  #retryMs = RETRY_MS.min
  #isStopped = false
  /** Monotonic readings, ms. */
  #beatAt: number
  #brokenAt: number

  constructor(cluster: Cluster, deps: ClusterWorkerDeps) {
    const { db, tickets, publisher, member, journal } = cluster
    const { registry, view, clock, bounds } = deps
    const { weightOf, maxRunningPerCaller, maxStuck } = bounds
    this.#cluster = cluster
    this.#deps = deps
    this.#reporting = { journal: journal.tasks, publisher, now: clock.now }
    this.#alarms = new Alarms(clock)
    const pausedGroups = () => view.pausedGroups
    const limits = { weightOf, maxRunningPerCaller, pausedGroups }
    this.#exchanger = new Exchanger({ db, tickets, member, registry, clock, ...limits })
    this.#stuck = new StuckHandlers(maxStuck)
    this.#beatAt = clock.monotonic()
    this.#brokenAt = clock.monotonic()
    this.#tickers = [
      new Ticker(clock, POLL_MS, () => this.lookForWork()),
      new Ticker(clock, BEAT_MS, () => void this.#beat()),
      new Ticker(clock, POLL_MS, () => void this.#supervise()),
    ]
  }

  get running(): number {
    return this.#runs.size + this.#stuck.holding
  }

  get stuck(): number {
    return this.#stuck.count
  }

  get isAtStuckLimit(): boolean {
    return this.#stuck.isAtLimit
  }

  /** A task that runs here, as it was started; null: it does not. */
  taskOf(id: string): Task | null {
    return this.#runs.get(id)?.task ?? null
  }

  /** A run of a task keeps steps, which are to be removed with its end. */
  keepsSteps(id: string): void {
    const run = this.#runs.get(id)
    if (run !== undefined) run.hasSteps = true
  }

  /** Takes back what a process of the same name has left, and begins. */
  async start(): Promise<void> {
    await this.#giveBackUnknown()
    for (const ticker of this.#tickers) ticker.start()
    this.lookForWork()
  }

  /** Tickets may be there, or slots are free. */
  lookForWork(): void {
    this.#isAsked = true
    if (!this.#isExchanging) void this.#exchangeAll()
  }

  /** These tasks were cancelled while they run. */
  cancel(ids: readonly string[]): void {
    for (const id of ids) this.#runs.get(id)?.guard?.abort(new CancelRequested(), this.#deps.bounds.graceMs)
  }

  /** Settles when nothing runs here any more; handlers that were abandoned do not count. */
  async whenQuiet(): Promise<void> {
    while (this.#runs.size > 0) await new Promise<void>((resolve) => this.#idle.add(resolve))
  }

  abortAll(graceMs: number): void {
    for (const { guard } of this.#runs.values()) guard?.abort(new ShuttingDown(), graceMs)
  }

  stop(): void {
    this.#isStopped = true
    for (const ticker of this.#tickers) ticker.stop()
  }

  async #exchangeAll(): Promise<void> {
    this.#isExchanging = true
    try {
      while (this.#isAsked) {
        // Runs that end in one turn of the event loop go into one transaction.
        await new Promise((resolve) => setImmediate(resolve))
        this.#isAsked = false
        await this.#exchange()
      }
      this.#retryMs = RETRY_MS.min
    } catch (error) {
      this.#deps.log.warn({ err: error }, 'the database is away')
      this.#brokenAt = this.#deps.clock.monotonic()
      this.#mustCompare = true
      this.#exchanger.forget()
      this.#deps.clock.after(this.#retryMs, () => this.lookForWork())
      this.#retryMs = Math.min(RETRY_MS.max, this.#retryMs * 2)
    } finally {
      this.#isExchanging = false
    }
  }

  get #free(): number {
    const { view } = this.#deps
    if (this.#isStopped || view.holds.size > 0) return 0
    return Math.max(0, view.ownSlots - this.running + this.#ended.length - this.#exchanger.left)
  }

  async #exchange(): Promise<void> {
    const { publisher } = this.#cluster
    // A commit whose reply was lost may have given us tasks that do not run here.
    if (this.#mustCompare) await this.#giveBackUnknown()
    this.#mustCompare = false
    const ended = this.#ended.filter(({ run }) => !run.isLost)
    const free = this.#free
    let over: readonly EndedRun[] = []
    if (ended.length > 0 || free > 0 || this.#exchanger.left > 0) {
      const exchange = await this.#exchanger.perform(ended, free)
      for (const { task, ticket } of exchange.claimed) this.#begin({ task, ticket })
      publisher.committed(exchange.entries)
      if (exchange.hasTickets) publisher.hasWork()
      logExchange(exchange, this.#deps.log)
      over = exchange.over
      // There may be more than were free.
      const mayBeMore = ended.length > 0 && exchange.claimed.length === free && free > 0
      if (mayBeMore || exchange.isPartial) this.#isAsked = true
    }
    this.#forget(this.#ended.splice(0, this.#ended.length), over)
  }

  /** Runs that are written down, or lost, are over; those that ended meanwhile are for the next exchange. */
  #forget(all: readonly EndedRun[], written: readonly EndedRun[]): void {
    for (const each of all) {
      if (written.includes(each) || each.run.isLost) {
        if (this.#runs.get(each.run.id) === each.run) this.#runs.delete(each.run.id)
      } else this.#ended.push(each)
    }
    if (this.#ended.length > 0) this.#isAsked = true
    for (const resolve of this.#idle) resolve()
    this.#idle.clear()
  }

  #begin({ task, ticket }: Claimed): void {
    const { clock, bounds, resources, work } = this.#deps
    const { id } = task
    const run: Run = {
      id,
      run: task.run,
      ticket,
      startedAt: clock.monotonic(),
      task,
      guard: null,
      reports: Promise.resolve(),
      isLost: false,
      hasSteps: task.run > 1,
    }
    // One of before is not forgotten yet when its outcome and the next run were written together.
    this.#runs.set(id, run)
    const guard = new Guard(
      (signal) => work(task, signal),
      { limitMs: task.timeoutMs, graceMs: bounds.graceMs },
      this.#alarms,
    )
    run.guard = guard
    void guard.outcome.then(async (outcome) => {
      resources.release(id)
      await run.reports
      this.#ended.push({ run, outcome })
      this.lookForWork()
      if (!guard.isAbandoned) return
      await this.#stuck.admit(guard.finished)
      this.lookForWork()
    })
  }

  /** Writes what a handler reports; dropped when its run is over, or the database is away. */
  report(task: Task, report: Report): void {
    const run = this.#runs.get(task.id)
    if (run === undefined || run.run !== task.run) return
    run.reports = run.reports.then(() => writeReport(run, report, this.#reporting)).catch(() => undefined)
  }

  /** Reports what is held; who is not confirmed has lost it. */
  async #beat(): Promise<void> {
    const { tickets, db, member } = this.#cluster
    const { clock } = this.#deps
    const held = [...this.#runs.values()]
    try {
      const confirmed = await tickets.touch(held.map(({ ticket }) => ticket))
      const cancelled = await db.query<{ id: string }>(
        `SELECT id FROM headgate.tasks WHERE member = $1 AND status = 'cancelling'`,
        [member],
      )
      this.#beatAt = clock.monotonic()
      this.cancel(cancelled.map(({ id }) => id))
      const isEnding = new Set(this.#ended.map(({ run }) => run))
      for (const run of held) {
        if (confirmed.has(run.id) || isEnding.has(run) || this.#runs.get(run.id) !== run) continue
        this.#lose(run)
      }
    } catch {
      this.#brokenAt = clock.monotonic()
      if (clock.monotonic() - this.#beatAt < FENCE_MS) return
      this.#deps.log.error(
        { tasks: held.length },
        'the database is away: runs are stopped before others take them',
      )
      this.abortAll(this.#deps.bounds.graceMs)
    }
  }

  #lose(run: Run): void {
    this.#deps.log.warn({ taskId: run.id, run: run.run }, 'another process has taken this task')
    run.isLost = true
    run.guard?.abort(new ShuttingDown(), this.#deps.bounds.graceMs)
  }

  /** Takes tickets back from processes that are gone. */
  async #supervise(): Promise<void> {
    const { db, tickets } = this.#cluster
    const { clock } = this.#deps
    if (clock.monotonic() - this.#brokenAt < HEALTHY_MS) return
    await tickets.giveBackSilent(db).catch(() => {
      this.#brokenAt = clock.monotonic()
    })
  }

  /** Gives back the tickets that are held in the name of this process, and belong to no run of it. */
  async #giveBackUnknown(): Promise<void> {
    const { db, tickets, member } = this.#cluster
    await db.transaction(async (tx) => {
      const held = await tickets.heldBy(tx, member)
      const unknown = held.filter(({ id, retryCount }) => {
        const run = this.#runs.get(id)
        return run === undefined || run.ticket.retryCount !== retryCount
      })
      await tickets.giveBack(tx, unknown)
    })
  }
}
