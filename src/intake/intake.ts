import { retryAfterSeconds } from '../forecast/retry-after.ts'
import { Samples } from '../forecast/samples.ts'
import type { TaskType } from '../handler/define-task.ts'
import type { Report } from '../handler/ports.ts'
import type { Place } from '../pool/options.ts'
import { placeAfter } from '../task/event.ts'
import type { Outcome } from '../task/outcome.ts'
import type { Priority } from '../task/priority.ts'
import { createTask, type Task, type TaskChange } from '../task/task.ts'
import type { IntakeParts } from './ports.ts'
import { Recorder } from './recorder.ts'
import { settlementOf } from './settlement.ts'
import { issuesOf, type CancelReply, type Refusal, type Submission, type SubmitReply } from './submission.ts'
import { Tally } from './tally.ts'
import { createTaskIds } from './task-ids.ts'

/** Durations that estimates rest on. */
const SAMPLE_COUNT = 512

/** The only way in: admits, starts, settles and cancels tasks, and tells the recorder of each. */
export class Intake {
  readonly tally = new Tally()
  /** Time between admission and start, ms. */
  readonly waitSamples = new Samples(SAMPLE_COUNT)
  /** Time between start and end, ms. */
  readonly runSamples = new Samples(SAMPLE_COUNT)
  readonly recorder: Recorder
  readonly #parts: IntakeParts
  readonly #nextId: () => string
  #isClosed = false

  constructor(parts: IntakeParts) {
    const { journal, feed, clock, onFatal } = parts
    this.#parts = parts
    this.#nextId = createTaskIds(clock.now)
    this.recorder = new Recorder({ journal, feed, tally: this.tally, now: clock.now, onFatal })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether nothing more is admitted because the process, or the pool, comes to its end. */
  get isDraining(): boolean {
    return this.#isClosed || this.#parts.pool.isDraining
  }

  /** Refuses every further submission as `draining`. */
  close(): void {
    this.#isClosed = true
  }

  /** Says whether a task of this priority would be refused now: asked before an upload is read. */
  refusal(priority: Priority): Refusal | undefined {
    if (this.isDraining) return this.#refuse('draining', priority)
    return this.#parts.pool.isFull ? this.#refuse('queue-full', priority) : undefined
  }

  /** Admits one task: find the type, parse the input, take a place, commit, enqueue. Never rejects. */
  async submit(submission: Submission): Promise<SubmitReply> {
    const type = this.#parts.registry.find(submission.type)
    if (type === undefined) return { kind: 'unknown-type', type: submission.type }
    const problems = problemsOf(type, submission.input)
    if (problems !== null) return { kind: 'invalid', ...problems }

    const refusal = this.refusal(submission.priority)
    const place = refusal === undefined ? this.#parts.pool.reserve(submission.priority) : undefined
    if (place === undefined) {
      this.tally.reject()
      return refusal ?? this.#refuse('queue-full', submission.priority)
    }
    return this.#admit(this.#create(type, submission), place)
  }

  /** Cancels a task that has not ended. A running one is told to stop and ends when its handler does. */
  async cancel(id: string): Promise<CancelReply> {
    const task = this.recorder.live(id)
    if (task === undefined) {
      const finished = await this.#parts.journal.task(id)
      return finished === undefined ? { kind: 'unknown' } : { kind: 'already-finished', task: finished }
    }
    if (task.status === 'cancelling') return { kind: 'cancelling', task }
    const said = this.#parts.pool.cancel(id)
    if (said === 'stopping') return { kind: 'cancelling', task }
    if (said === 'aborting') {
      // In the same turn as the abort, so that `cancelling` comes before the end.
      const cancelling = await this.recorder.record(id, { status: 'cancelling' }, { type: 'cancelling' })
      return { kind: 'cancelling', task: cancelling ?? task }
    }
    return { kind: 'cancelled', task: (await this.#end(task, { kind: 'cancelled' })) ?? task }
  }

  /** Commits the start of a run, before the handler begins. */
  async started(task: Task): Promise<Task> {
    const { clock, log } = this.#parts
    const before = this.recorder.live(task.id) ?? task
    const startedAt = clock.now()
    const attempt = before.attempt + 1
    const started = await this.recorder.record(
      task.id,
      { status: 'running', run: before.run + 1, attempt, startedAt },
      { type: 'started', attempt },
    )
    const waitMs = Math.max(0, startedAt - task.createdAt)
    this.waitSamples.add(waitMs)
    log.info({ taskId: task.id, type: task.type, priority: task.priority, waitMs }, 'task started')
    return started ?? before
  }

  /** Writes down what a run says; what comes after its end is dropped. */
  report(run: Task, report: Report): void {
    void this.recorder.recordOfRun(run, changeOf(report), report)
  }

  /** Hears the one outcome of a run. */
  ended(task: Task, outcome: Outcome): void {
    const live = this.recorder.live(task.id)
    if (live !== undefined) void this.#end(live, outcome)
  }

  #create(type: TaskType, { input, upload, priority, metadata, caller }: Submission): Task {
    const { clock, defaultTimeoutMs } = this.#parts
    return createTask({
      id: this.#nextId(),
      type: type.type,
      priority,
      caller,
      input,
      upload,
      metadata,
      timeoutMs: type.timeoutMs ?? defaultTimeoutMs,
      createdAt: clock.now(),
    })
  }

  async #admit(task: Task, place: Place): Promise<SubmitReply> {
    const { pool, log } = this.#parts
    const queuePlace = placeAfter(place.tasksAhead)
    let admitted: Task
    try {
      admitted = await this.recorder.admit(task, { type: 'queued', ...queuePlace })
    } catch (error) {
      place.release()
      log.error({ err: error, taskId: task.id }, 'the journal refused a task')
      return this.#refuse('journal-unavailable', task.priority)
    }
    // It can be cancelled as soon as it can be seen, which is before this turn.
    if (this.recorder.live(admitted.id) === undefined) place.release()
    else pool.enqueue(admitted, place)
    const { id: taskId, type, priority } = admitted
    log.info({ taskId, type, priority, tasksAhead: place.tasksAhead }, 'task queued')
    return { kind: 'accepted', task: admitted, place: queuePlace }
  }

  async #end(task: Task, outcome: Outcome): Promise<Task | undefined> {
    const { clock, pool, spool, log } = this.#parts
    const now = clock.now()
    const { change, body } = settlementOf(task, outcome, {
      now,
      tasksAhead: pool.tasksAhead(task.id) ?? 0,
    })
    const ended = await this.recorder.record(task.id, change, body)
    const runMs = task.startedAt === null ? null : Math.max(0, now - task.startedAt)
    if (outcome.kind === 'interrupted') return ended
    if (runMs !== null && outcome.kind === 'completed') this.runSamples.add(runMs)
    const errorType = outcome.kind === 'failed' ? outcome.failure.errorType : undefined
    const { id: taskId, type, priority } = task
    log.info({ taskId, type, priority, outcome: outcome.kind, errorType, runMs }, 'task ended')
    if (task.upload !== null) {
      // The next start removes what is left.
      await spool
        .remove(task.upload)
        .catch((error: unknown) => log.error({ err: error, taskId }, 'upload not removed'))
    }
    return ended
  }

  #refuse(code: Refusal['code'], priority: Priority): Refusal {
    const { pool, random } = this.#parts
    const tasksAhead = pool.waitingAtOrAbove(priority)
    return {
      kind: 'refused',
      code,
      retryAfterSeconds: retryAfterSeconds({
        meanRunMs: this.runSamples.mean,
        tasksAhead,
        slots: pool.slots,
        random,
      }),
      waiting: pool.waiting + pool.reserved,
      capacity: pool.capacity,
    }
  }
}

/** What is wrong with an input; null when it fits. A schema of somebody's own may throw. */
function problemsOf(type: TaskType, input: unknown): ReturnType<typeof issuesOf> | null {
  try {
    const parsed = type.input.safeParse(input)
    return parsed.success ? null : issuesOf(parsed.error)
  } catch {
    return { code: 'validation', issues: [{ path: '', message: 'the input cannot be read' }] }
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
