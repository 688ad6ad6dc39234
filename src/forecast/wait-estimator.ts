import { PRIORITIES, type Priority } from '../task/priority.ts'
import { computeQuantiles, quantile } from './quantiles.ts'
import type { Task, WaitEstimate } from '../task/task.ts'
import { Arrivals } from './arrivals.ts'
import { Calibration } from './calibration.ts'
import { retryAfterSeconds } from './compute-retry-after.ts'
import { MIN_SAMPLES, RunTimesByType } from './run-times.ts'
import { simulate, type Simulated, type SimulatedQueue, type SimulatedType } from './simulation/simulate.ts'

interface WaitingTask {
  readonly type: string
  readonly priority: Priority
  /** Epoch ms. */
  readonly createdAt: number
}

/** The queue, as the wait estimator sees it. */
interface QueueView {
  readonly slots: number
  /** Whether what could start does. */
  readonly isProcessing: boolean
  readonly running: Iterable<{ readonly type: string; readonly startedAt: number }>
  /** In the order in which they would start. */
  readonly waiting: Iterable<WaitingTask>
  readonly countOf: (priority: Priority) => number
}

/** What a task that has completed shows. */
interface PastRun extends Pick<Task, 'type' | 'priority' | 'toldWait'> {
  readonly waitMs: number
  readonly runMs: number
}

export interface OutlookOptions {
  readonly look: () => QueueView
  /** How many tasks of a type may run at once. */
  readonly concurrencyOf: (type: string) => number
  readonly headStartMs: number
  /** Epoch ms. */
  readonly now: () => number
  /** Monotonic, ms. */
  readonly monotonic: () => number
  /** 0 to 1. */
  readonly random: () => number
}

/** One look into the future. */
interface QueueForecast {
  readonly samples: number
  readonly simulated: Simulated
  /** Waits of newcomers, ms, by level. */
  readonly newcomers: readonly { readonly p50: number; readonly p90: number }[]
  /** Waiting tasks that were played. */
  readonly played: number
  /** Waiting tasks of each level. */
  readonly countByLevel: readonly number[]
  /** Time between two starts while all slots are busy, ms. */
  readonly paceMs: number
}

/** At most one simulation in this time. */
const FRESH_MS = 1000
/** Waiting tasks that are simulated; those behind them follow at the same pace. */
const MAX_PLAYED = 1000
/** Work of one simulation, starts in all rounds together. */
const MAX_STARTS = 30_000
const LOWEST: Priority = 0
const ROUNDS = { min: 30, max: 200 }

/** Wait estimates by simulation of the current queue, and their calibration. */
export class WaitEstimator {
  readonly runTimes = new RunTimesByType()
  readonly arrivals: Arrivals
  readonly coverage = new Calibration()
  readonly #options: OutlookOptions
  #vista: QueueForecast | null = null
  #lookedAt = -Infinity

  constructor(options: OutlookOptions) {
    this.#options = options
    this.arrivals = new Arrivals(options.now())
  }

  /** How much older a task has to be than one of the level above it to start before it. */
  get headStartMs(): number {
    return this.#options.headStartMs
  }

  /** Wait until the start of a waiting task with this many before it; null: unknown. */
  waitAfter(tasksAhead: number): WaitEstimate | null {
    const vista = this.#look()
    if (vista === null) return null
    const rounds = vista.simulated.waiting[Math.min(tasksAhead, vista.played - 1)]
    if (rounds === undefined) return this.newcomer(LOWEST, tasksAhead)
    return toEstimate(computeQuantiles(rounds), vista, Math.max(0, tasksAhead - vista.played + 1))
  }

  /** Wait of a task that comes now. @param tasksAhead as the pool counts them, where that is known better */
  newcomer(priority: Priority, tasksAhead?: number): WaitEstimate | null {
    const vista = this.#look()
    const known = vista?.newcomers[priority]
    if (vista === null || known === undefined) return null
    const before = vista.countByLevel.reduce(
      (sum, count, level) => (level >= priority ? sum + count : sum),
      0,
    )
    // Tasks that were not simulated, or arrived since, are before it.
    const isExact = tasksAhead !== undefined && this.#options.headStartMs === 0
    const unplayed = Math.max(0, (isExact ? tasksAhead : before) - Math.min(before, vista.played))
    return toEstimate(known, vista, unplayed)
  }

  /** Time until a waiting task starts and leaves its place, ms; null: not known. */
  placeMs(): number | null {
    const vista = this.#look()
    if (vista === null || vista.played === 0) return null
    const first = quantile(vista.simulated.firstStart.toSorted(), 0.5)
    return Number.isFinite(first) ? first : null
  }

  /**
   * When a refused submit makes sense again, in whole seconds.
   *
   * @param placeMs time to a free place, ms, where it is known otherwise than by the queue
   */
  retryAfterSeconds(slots: number, placeMs: number | null = this.placeMs()): number {
    return retryAfterSeconds(placeMs, slots, this.#options.random)
  }

  /** Tasks of all levels that come in a minute, as measured. */
  arrivalsPerMinute(): number {
    return this.arrivals.perMinute(this.#options.now(), this.runTimes.all.mean)
  }

  /** A task that another process has run, or an earlier one. */
  learn({ type, priority, toldWait, waitMs, runMs }: PastRun): void {
    this.runTimes.add(type, runMs)
    if (toldWait !== null) this.coverage.add(priority, toldWait, waitMs)
  }

  /** A task has started; its estimate at admission is compared with its wait. */
  started(
    { priority, toldWait, createdAt, run }: Pick<Task, 'priority' | 'toldWait' | 'createdAt' | 'run'>,
    at: number,
  ): void {
    if (toldWait !== null && run === 0) this.coverage.add(priority, toldWait, at - createdAt)
  }

  #look(): QueueForecast | null {
    const now = this.#options.monotonic()
    if (now - this.#lookedAt < FRESH_MS) return this.#vista
    this.#lookedAt = now
    this.#vista = this.#takeVista()
    return this.#vista
  }

  #takeVista(): QueueForecast | null {
    const { look, headStartMs, random, now } = this.#options
    const { slots, isProcessing, running, waiting, countOf } = look()
    // It is unknown when an operator resumes.
    if (!isProcessing || slots === 0 || this.runTimes.all.size < MIN_SAMPLES) return null
    const types = new TypeTable(this.runTimes, this.#options.concurrencyOf)
    const played = findFirst(waiting, MAX_PLAYED)
    const queue: SimulatedQueue = {
      slots,
      running: [...running].map((each) => ({
        type: types.indexOf(each.type),
        elapsedMs: Math.max(0, now() - each.startedAt),
      })),
      waiting: played.map(({ type, priority, createdAt }) => {
        return { type: types.indexOf(type), priority, at: Math.min(0, createdAt - now()) }
      }),
      arrivals: PRIORITIES.map((priority) => {
        const rate = this.arrivals.rateOf(priority, now(), this.runTimes.all.mean)
        return { ...rate, types: rate.types.map((type) => types.indexOf(type)) }
      }),
      headStartMs,
      types: types.list,
    }
    const rounds = Math.round(MAX_STARTS / (played.length + slots + 20))
    const simulated = simulate(queue, { rounds: Math.min(ROUNDS.max, Math.max(ROUNDS.min, rounds)), random })
    const { mean, size: samples } = this.runTimes.all
    return {
      samples,
      simulated,
      newcomers: simulated.newcomer.map((rounds) => computeQuantiles(rounds)),
      played: played.length,
      countByLevel: PRIORITIES.map(countOf),
      paceMs: mean / slots,
    }
  }
}

/** Types by number, each with what is known of it. */
class TypeTable {
  readonly list: SimulatedType[] = []
  readonly #known = new Map<string, number>()
  readonly #runTimes: RunTimesByType
  readonly #concurrencyOf: (type: string) => number

  constructor(runTimes: RunTimesByType, concurrencyOf: (type: string) => number) {
    this.#runTimes = runTimes
    this.#concurrencyOf = concurrencyOf
  }

  indexOf(type: string): number {
    let index = this.#known.get(type)
    if (index === undefined) {
      index = this.list.length
      this.#known.set(type, index)
      const samples = (this.#runTimes.of(type) ?? this.#runTimes.all).sorted
      this.list.push({ samples, concurrency: this.#concurrencyOf(type) })
    }
    return index
  }
}

/** @param behind tasks between the one that was played and the one that is asked for */
function toEstimate(
  { p50, p90 }: { readonly p50: number; readonly p90: number },
  { samples, paceMs }: QueueForecast,
  behind: number,
): WaitEstimate | null {
  if (!Number.isFinite(p90)) return null
  const moreMs = behind * paceMs
  return { p50: inSeconds(p50 + moreMs), p90: inSeconds(p90 + moreMs), samples }
}

function findFirst(tasks: Iterable<WaitingTask>, count: number): WaitingTask[] {
  const first: WaitingTask[] = []
  for (const task of tasks) {
    if (first.length === count) break
    first.push(task)
  }
  return first
}

/** Tenths of a second, never less than it was. */
function inSeconds(ms: number): number {
  return Math.ceil(ms / 100) / 10
}
