import type { Report } from '../../handler/ports.ts'
import { Samples } from '../../forecast/samples.ts'
import { reached } from '../../milestone.ts'
import type { Outcome } from '../../task/outcome.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task, TaskChange } from '../../task/task.ts'
import type { IntakeParts } from '../ports.ts'
import type { Recorder } from './recorder.ts'
import { settlementOf } from './settlement.ts'

/** Durations that estimates rest on. */
export const SAMPLE_COUNT = 512

/** Writes down what becomes of a task from the start of a run to its end. */
export class Runs {
  /** Time between admission and start, ms. */
  readonly waitSamples = new Samples(SAMPLE_COUNT)
  /** Time between start and end, ms. */
  readonly runSamples = new Samples(SAMPLE_COUNT)
  readonly #parts: IntakeParts
  readonly #recorder: Recorder

  constructor(parts: IntakeParts, recorder: Recorder) {
    this.#parts = parts
    this.#recorder = recorder
  }

  /** Commits the start of a run, before the handler begins; null: it could not be, and the handler must not. */
  async started(task: Task): Promise<Task | null> {
    const { clock, log } = this.#parts
    const before = this.#recorder.live(task.id) ?? task
    const startedAt = clock.now()
    const attempt = before.attempt + 1
    const started = await this.#recorder.record(
      task.id,
      { status: 'running', run: before.run + 1, attempt, startedAt },
      { type: 'started', attempt },
    )
    reached('start-committed')
    const waitMs = Math.max(0, startedAt - task.createdAt)
    this.waitSamples.add(waitMs)
    log.info({ taskId: task.id, type: task.type, priority: task.priority, waitMs }, 'task started')
    return started ?? null
  }

  /** Writes down what a run says; what comes after its end is dropped. */
  report(run: Task, report: Report): void {
    void this.#recorder.recordOfRun(run, changeOf(report), report).then(() => reached('progress-sent'))
  }

  /** Hears the one outcome of a run. */
  ended(task: Task, outcome: Outcome): void {
    const live = this.#recorder.live(task.id)
    if (live !== undefined) void this.end(live, outcome)
  }

  /** Writes the outcome of a live task; the reply is the task as it then is. */
  async end(task: Task, outcome: Outcome, also: TaskChange = {}): Promise<Task | undefined> {
    const { clock, pool } = this.#parts
    const now = clock.now()
    const moment = { now, tasksAhead: pool.tasksAhead(task.id) ?? 0 }
    const { change, body } = settlementOf(task, outcome, moment)
    const ended = await this.#recorder.record(task.id, { ...change, ...also }, body)
    const runMs = task.startedAt === null ? null : Math.max(0, now - task.startedAt)
    if (outcome.kind === 'interrupted') return ended
    if (runMs !== null && outcome.kind === 'completed') this.runSamples.add(runMs)
    this.#tell(task, outcome, runMs)
    if (ended !== undefined && isTerminal(ended.status)) await this.#letGo(ended)
    return ended
  }

  #tell({ id: taskId, type, priority }: Task, outcome: Outcome, runMs: number | null): void {
    const errorType = outcome.kind === 'failed' ? outcome.failure.errorType : undefined
    this.#parts.log.info({ taskId, type, priority, outcome: outcome.kind, errorType, runMs }, 'task ended')
  }

  /** An upload that is not to be kept goes with the end of its task. */
  async #letGo({ id: taskId, upload, webhook }: Task): Promise<void> {
    const { keepsUploads, spool, log, deliver } = this.#parts
    if (webhook !== null) deliver()
    if (upload === null || keepsUploads) return
    await spool
      .remove(upload)
      // The next start removes what is left.
      .catch((error: unknown) => log.error({ err: error, taskId }, 'upload not removed'))
  }
}

/** What a report changes in the task that everybody reads. */
function changeOf(report: Report): TaskChange {
  switch (report.type) {
    case 'progress': {
      const { progress, detail, message } = report
      return { progress, progressDetail: detail, ...(message === null ? {} : { message }) }
    }
    case 'log':
      return { message: report.message }
    case 'output':
      return {}
  }
}
