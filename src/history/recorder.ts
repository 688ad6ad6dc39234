import type { Logger } from 'pino'
import type { EventBus } from '../events/event-bus.ts'
import type { HistoryJournal } from '../journal/journal.ts'
import type { TaskEvent } from '../task/event.ts'
import { isTerminal, TERMINAL_STATUSES, type TerminalStatus } from '../task/status.ts'
import type { Task } from '../task/task.ts'
import type { Clock } from '../time/clock.ts'
import { MINUTE_MS } from '../time/minute.ts'
import { EMPTY_MINUTE, toQuantiles } from './minute.ts'

/** Durations of one minute that quantiles are made of; more are not kept. */
const MAX_SAMPLES = 10_000

export interface HistoryDeps {
  readonly journal: HistoryJournal
  readonly bus: EventBus
  readonly pool: { readonly waiting: number }
  readonly counters: { readonly rejected: number }
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Counts what happens in each minute and saves one row for it. A minute without work has no row, and no timer runs then.
 * A process that is killed loses the minute that it is in.
 */
export class HistoryRecorder {
  readonly #deps: HistoryDeps
  /** Tells the rows of this process from those of another in the same minute. */
  readonly #writer: number
  #cancelTimer: (() => void) | null = null
  #minute = 0
  /** The newest minute whose row is saved. */
  #saved = 0
  #collected = collect()
  #rejectedBefore: number
  #measuredAt = 0
  /** Tasks that run, by the events so far. */
  readonly #running = new Set<string>()
  #isStopped = false
  #saving: Promise<void> = Promise.resolve()

  constructor(deps: HistoryDeps) {
    this.#deps = deps
    this.#writer = deps.clock.now()
    this.#rejectedBefore = deps.counters.rejected
    deps.bus.observe((task, event) => this.#take(task, event))
  }

  /** What earlier processes refused is not of this minute. */
  start(): void {
    this.#rejectedBefore = this.#deps.counters.rejected
  }

  /** Saves what has been counted so far; settles when it is written. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#save()
    await this.#saving
  }

  #take(task: Task, event: TaskEvent): void {
    if (this.#isStopped) return
    this.#begin()
    this.#measure()
    if (task.status === 'running' || task.status === 'cancelling') this.#running.add(task.id)
    else this.#running.delete(task.id)
    const collected = this.#collected
    if (event.seq === 1) collected.submitted += 1
    if (event.type === 'started' && task.run === 1) {
      collected.started += 1
      if (task.waitMs !== null && collected.waits.length < MAX_SAMPLES) collected.waits.push(task.waitMs)
      if (task.toldWait !== null && collected.estimates.length < MAX_SAMPLES)
        collected.estimates.push(task.toldWait.p90 * 1000)
    }
    const { status } = task
    if (!isTerminal(status)) return
    collected.ended[status] += 1
    const hasRun = status === 'completed' && task.runMs !== null
    if (hasRun && collected.runs.length < MAX_SAMPLES) collected.runs.push(task.runMs)
  }

  /** A minute begins with its first event, and is saved at its end. */
  #begin(): void {
    if (this.#cancelTimer !== null) return
    const { clock } = this.#deps
    const now = clock.now()
    // A clock that was set back would begin a minute again, whose row is saved already.
    this.#minute = Math.max(this.#saved + 1, Math.floor(now / MINUTE_MS))
    this.#measuredAt = clock.monotonic()
    this.#cancelTimer = clock.after((this.#minute + 1) * MINUTE_MS - now, () => this.#end())
  }

  #end(): void {
    this.#cancelTimer = null
    this.#save()
    const { pool } = this.#deps
    // Long tasks have no events for minutes, and are work all the same.
    if (this.#running.size > 0 || pool.waiting > 0) this.#begin()
  }

  /** Adds up how many ran since it was last looked at. */
  #measure(): void {
    const { pool, clock } = this.#deps
    const now = clock.monotonic()
    this.#collected.runningMs += this.#running.size * (now - this.#measuredAt)
    this.#collected.deepestQueue = Math.max(this.#collected.deepestQueue, pool.waiting)
    this.#measuredAt = now
  }

  #save(): void {
    if (this.#minute === 0) return
    this.#measure()
    const { counters, journal, log } = this.#deps
    const { waits, estimates, runs, runningMs, ...counts } = this.#collected
    const refused = Math.max(0, counters.rejected - this.#rejectedBefore)
    this.#rejectedBefore = counters.rejected
    const row = JSON.stringify({
      ...EMPTY_MINUTE,
      ...counts,
      refused,
      waits: toQuantiles(waits),
      estimatedP90: toQuantiles(estimates)?.p50 ?? null,
      runs: toQuantiles(runs),
      meanRunning: runningMs / MINUTE_MS,
    })
    this.#collected = collect()
    const minute = this.#minute
    this.#minute = 0
    this.#saved = minute
    this.#saving = journal
      .saveMinute(minute, this.#writer, row)
      .catch((error: unknown) => log.warn({ err: error }, 'history not saved'))
  }
}

function collect() {
  const ended = Object.fromEntries(TERMINAL_STATUSES.map((end) => [end, 0])) as Record<TerminalStatus, number>
  const durations = { waits: [] as number[], estimates: [] as number[], runs: [] as number[] }
  return { submitted: 0, started: 0, ended, deepestQueue: 0, runningMs: 0, ...durations }
}
