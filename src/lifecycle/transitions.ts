import type { Logger } from 'pino'
import { Samples } from '../forecast/samples.ts'
import type { Report } from '../handler/ports.ts'
import { failpoint } from '../failpoints.ts'
import type { KeyRecord } from '../journal/journal.ts'
import type { QueuePlace } from '../task/event.ts'
import type { Outcome } from '../task/outcome.ts'
import type { Priority } from '../task/priority.ts'
import { isTerminal } from '../task/status.ts'
import type { Task, TaskChange } from '../task/task.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Resources } from '../resource/resources.ts'
import type { Clock } from '../time/clock.ts'
import type { Recorder } from './recorder.ts'
import { toExpired, toRequeued, toSettlement, toStart } from './settlement.ts'

/** Durations that estimates rest on. */
export const SAMPLE_COUNT = 512

export interface TransitionsDeps {
  readonly recorder: Recorder
  readonly pool: WorkerPool
  readonly resources: Pick<Resources, 'forget' | 'sleep' | 'reprioritise'>
  readonly estimator: WaitEstimator
  readonly clock: Clock
  readonly log: Logger
  /** The end of a task is committed: what it leaves is dealt with. */
  readonly letGo: (task: Task) => Promise<void>
}

/** Writes down what becomes of a task from the start of a run to its end. */
export class Transitions {
  /** Time between admission and start, ms. */
  readonly waitSamples = new Samples(SAMPLE_COUNT)
  /** Time between start and end, ms. */
  readonly runSamples = new Samples(SAMPLE_COUNT)
  /** Monotonic readings of this process, by task: since its admission, and since the start of its run. */
  readonly #admittedAt = new Map<string, number>()
  readonly #startedAt = new Map<string, number>()
  /** Runs whose start is being written with the admission of their task; null: it was refused. */
  readonly #starting = new Map<string, Promise<Task | null>>()
  readonly #deps: TransitionsDeps
  readonly #recorder: Recorder

  constructor(deps: TransitionsDeps) {
    this.#deps = deps
    this.#recorder = deps.recorder
  }

  /**
   * Writes a new task.
   *
   * @throws what the journal throws; the task then does not exist.
   */
  async admit(task: Task, place: QueuePlace, key: KeyRecord | null): Promise<Task> {
    const admitted = await this.#recorder.admit(task, { type: 'queued', ...place }, { key })
    this.#queued(task, place)
    return admitted
  }

  /** A task waits in the queue from now on. */
  enqueued(id: string): void {
    this.#admittedAt.set(id, this.#deps.clock.monotonic())
  }

  /**
   * Writes a new task together with the start of its first run, for which its slot is free already.
   * @throws what the journal throws; the task then does not exist.
   */
  async admitStarted(task: Task, place: QueuePlace, key: KeyRecord | null): Promise<Task> {
    const startedAt = this.#deps.clock.now()
    const start = toStart(task, startedAt, 0)
    const admitted = this.#recorder.admit(task, { type: 'queued', ...place }, { key, start })
    const started = admitted.then(
      () => {
        this.#queued(task, place)
        this.#begun(task, startedAt, 0)
        return this.#recorder.live(task.id) ?? null
      },
      () => null,
    )
    this.#starting.set(task.id, started)
    try {
      return await admitted
    } finally {
      this.#starting.delete(task.id)
    }
  }

  #queued(task: Task, { tasksAhead }: QueuePlace): void {
    this.#deps.log.info({ ...listFields(task), tasksAhead }, 'task queued')
  }

  /** Commits the start of a run, before the handler begins; null: it could not be, and the handler must not. */
  async started(id: string): Promise<Task | null> {
    const starting = this.#starting.get(id)
    if (starting !== undefined) return starting
    const before = this.#recorder.live(id)
    if (before === undefined) return null
    const startedAt = this.#deps.clock.now()
    const waitMs = this.#sinceAdmission(before, startedAt)
    const { change, body } = toStart(before, startedAt, waitMs)
    const started = await this.#recorder.record(id, change, body)
    this.#begun(before, startedAt, waitMs)
    return started ?? null
  }

  /** The start of a run is committed. @param before the task without it */
  #begun(before: Task, startedAt: number, waitMs: number): void {
    const { clock, log, estimator } = this.#deps
    failpoint('start-committed')
    this.#startedAt.set(before.id, clock.monotonic())
    if (before.run === 0) {
      this.waitSamples.add(waitMs)
      estimator.started(before, startedAt)
    }
    log.info({ ...listFields(before), attempt: before.attempt + 1, waitMs }, 'task started')
  }

  /** Records an event of a run; events after its end are dropped. */
  report(run: Task, report: Report): void {
    void this.#recorder
      .recordOfRun(run, toReportChange(report), report)
      .then(() => failpoint('progress-sent'))
  }

  /** Called with the one outcome of a run. */
  ended(id: string, outcome: Outcome): void {
    const live = this.#recorder.live(id)
    if (live !== undefined) void this.end(live, outcome)
  }

  /** Writes the outcome of a live task; the reply is the task as it then is. */
  async end(task: Task, outcome: Outcome, also: TaskChange = {}): Promise<Task | undefined> {
    const { clock, pool, estimator, resources } = this.#deps
    const now = clock.now()
    const tasksAhead = outcome.kind === 'interrupted' ? (pool.tasksAhead(task.id) ?? 0) : 0
    const moment = { now, tasksAhead }
    const { change, body } = toSettlement(task, outcome, moment)
    const runMs = this.#sinceStart(task, now)
    if (runMs !== null && outcome.kind === 'completed') {
      this.runSamples.add(runMs)
      estimator.runTimes.add(task.type, runMs)
    }
    if (outcome.kind === 'waits' && outcome.wait.reason === 'retry_backoff') this.#recorder.counters.retry()
    resources.forget(task.id, outcome.kind === 'waits' ? outcome.wait.resource : null)
    const isEnd = change.status !== undefined && isTerminal(change.status)
    if (isEnd) this.#admittedAt.delete(task.id)
    const recorded = this.#recorder.record(task.id, { ...change, ...(isEnd ? { runMs } : {}), ...also }, body)
    // It may be woken in this very call: what it waits for is recorded already.
    if (outcome.kind === 'waits' && outcome.wait.resource !== null) {
      resources.sleep(outcome.wait.resource, task.id, task.priority)
    }
    const ended = await recorded
    if (outcome.kind === 'interrupted') return ended
    this.#log(task, outcome, runMs)
    if (ended !== undefined && isTerminal(ended.status)) await this.#deps.letGo(ended)
    return ended
  }

  /** A delayed task is queued again: it is due, or there is room for it. */
  async requeue(id: string): Promise<void> {
    const { pool } = this.#deps
    const task = this.#recorder.live(id)
    // It may be on its way already, or have been cancelled.
    if (task?.status !== 'waiting' && task?.status !== 'scheduled') return
    const { change, body } = toRequeued(pool.placeAfter(pool.tasksAhead(id) ?? 0))
    await this.#recorder.record(id, change, body)
    if (this.#recorder.live(id)?.status === 'queued') pool.requeue(id)
  }

  /** Moves a task that has not started to another level, where it keeps its age; false: it has started. */
  reprioritise(id: string, priority: Priority): boolean {
    this.#deps.resources.reprioritise(id, priority)
    return this.#deps.pool.reprioritise(id, priority)
  }

  /** The start deadline of a task has passed; the pool has let go of it. */
  async expire(id: string): Promise<void> {
    const task = this.#recorder.live(id)
    if (task === undefined) return
    const { change, body } = toExpired(this.#deps.clock.now())
    this.#admittedAt.delete(id)
    const expired = await this.#recorder.record(id, change, body)
    this.#deps.log.info(listFields(task), 'task expired')
    if (expired !== undefined) await this.#deps.letGo(expired)
  }

  /** Until now, ms: measured, or, of a task that an earlier process admitted, by its instants. */
  #sinceAdmission({ id, createdAt }: Task, now: number): number {
    const reading = this.#admittedAt.get(id)
    this.#admittedAt.delete(id)
    return reading === undefined ? Math.max(0, now - createdAt) : this.#msSince(reading)
  }

  /** Likewise of the run that is resumed; null: there is none. */
  #sinceStart({ id, startedAt }: Task, now: number): number | null {
    const reading = this.#startedAt.get(id)
    this.#startedAt.delete(id)
    if (startedAt === null) return null
    return reading === undefined ? Math.max(0, now - startedAt) : this.#msSince(reading)
  }

  #msSince(reading: number): number {
    return Math.round(this.#deps.clock.monotonic() - reading)
  }

  #log(task: Task, outcome: Outcome, runMs: number | null): void {
    const { log } = this.#deps
    if (outcome.kind === 'waits') {
      const { reason, until, resource, failure: why } = outcome.wait
      const errorType = why?.errorType
      log.info({ ...listFields(task), reason, until, resource, errorType, runMs }, 'task waits')
      return
    }
    const errorType = outcome.kind === 'failed' ? outcome.failure.errorType : undefined
    log.info({ ...listFields(task), outcome: outcome.kind, errorType, runMs }, 'task ended')
  }
}

/** The fields of every log line about a task. */
export function listFields({ id: taskId, type, priority, caller, trace }: Task) {
  return { taskId, type, priority, caller, ...trace }
}

/** What a report changes in the task that everybody reads. */
export function toReportChange(report: Report): TaskChange {
  switch (report.type) {
    case 'progress': {
      const { progress, detail, message } = report
      return { progress, progressDetail: detail, ...(message === null ? {} : { message }) }
    }
    case 'log':
      return { message: report.message }
    case 'output':
      return { outputs: report.index + 1 }
  }
}
