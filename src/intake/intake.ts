import { retryAfterSeconds } from '../forecast/retry-after.ts'
import type { TaskType } from '../handler/define-task.ts'
import type { KeyRecord } from '../journal/journal.ts'
import type { Place } from '../pool/options.ts'
import { HeadgateError } from '../task/errors.ts'
import { placeAfter } from '../task/event.ts'
import { reached } from '../milestone.ts'
import type { Priority } from '../task/priority.ts'
import { createTask, type Task } from '../task/task.ts'
import { contentOf, fingerprintOf } from './admit/digests.ts'
import { Keys } from './admit/keys.ts'
import { SingleFlight } from './admit/single-flight.ts'
import {
  issuesOf,
  type CancelReply,
  type Refusal,
  type Submission,
  type SubmitReply,
} from './admit/submission.ts'
import { TaskIds } from './admit/task-ids.ts'
import { Waiters } from './admit/waiters.ts'
import type { IntakeParts } from './ports.ts'
import { Recorder } from './record/recorder.ts'
import { Runs } from './record/runs.ts'
import { Tally } from './record/tally.ts'

/** The only way in: admits and cancels tasks, and knows the recorder of all that becomes of them. */
export class Intake {
  readonly tally = new Tally()
  readonly recorder: Recorder
  readonly runs: Runs
  readonly keys: Keys
  readonly ids: TaskIds
  readonly flights: SingleFlight
  readonly #waiters: Waiters
  readonly #parts: IntakeParts
  #isClosed = false

  constructor(parts: IntakeParts) {
    const { journal, duplicates, feed, clock, onFatal, pool } = parts
    const { now } = clock
    this.#parts = parts
    this.ids = new TaskIds(now)
    const ended = (task: Task) => this.flights.remove(task)
    this.recorder = new Recorder({ journal, feed, tally: this.tally, now, ended, onFatal })
    this.runs = new Runs(parts, this.recorder)
    this.keys = new Keys({ duplicates, journal, now })
    this.#waiters = new Waiters({ recorder: this.recorder, pool })
    const live = (id: string) => this.recorder.live(id)
    const join = (task: Task, priority: Priority) => this.#waiters.join(task, priority)
    this.flights = new SingleFlight({ duplicates, journal, live, join })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether nothing more is admitted because the process, or the pool, comes to its end. */
  get isDraining(): boolean {
    return this.#isClosed || this.#parts.pool.isDraining
  }

  /** Whether a task of this type can run here. */
  knows(type: string): boolean {
    return this.#parts.registry.find(type) !== undefined
  }

  /** Refuses every further submission as `draining`. */
  close(): void {
    this.#isClosed = true
  }

  /** Says whether a task of this priority would be refused now: asked before an upload is read. */
  refusal(priority: Priority): Refusal | undefined {
    const { health, pool } = this.#parts
    if (this.isDraining) return this.#refuse('draining', priority)
    if (health.refusal !== null) return this.#refuse(health.refusal, priority)
    return pool.isFull ? this.#refuse('queue-full', priority) : undefined
  }

  /**
   * Admits one task: find the type, parse the input, look for the same one, take a place, commit, enqueue.
   * Never rejects.
   */
  async submit(submission: Submission): Promise<SubmitReply> {
    const type = this.#parts.registry.find(submission.type)
    if (type === undefined) return { kind: 'unknown-type', type: submission.type }
    const problems = problemsOf(type, submission.input)
    if (problems !== null) return { kind: 'invalid', ...problems }

    try {
      const { key, caller } = submission
      if (key === null) return await this.#submitContent(type, submission, null)
      const use = { key, caller, fingerprint: fingerprintOf(submission) }
      return await this.keys.once(use, (record) => this.#submitContent(type, submission, record))
    } catch (error) {
      // A look into the journal failed.
      this.#parts.log.error({ err: error }, 'the journal cannot be read')
      return this.#refuse('journal-unavailable', submission.priority)
    }
  }

  /** Cancels a task that has not ended. A running one is told to stop and ends when its handler does. */
  async cancel(id: string): Promise<CancelReply> {
    const task = this.recorder.live(id)
    if (task === undefined) {
      const finished = await this.#parts.journal.task(id)
      return finished === undefined ? { kind: 'unknown' } : { kind: 'already-finished', task: finished }
    }
    if (task.status === 'cancelling') return { kind: 'cancelling', task }
    if (task.waiters > 1) return { kind: 'detached', task: (await this.#waiters.leave(task)) ?? task }
    const said = this.#parts.pool.cancel(id)
    if (said === 'stopping') return { kind: 'cancelling', task }
    if (said === 'aborting') {
      // In the same turn as the abort, so that `cancelling` comes before the end.
      const cancelling = await this.recorder.record(id, { status: 'cancelling' }, { type: 'cancelling' })
      return { kind: 'cancelling', task: cancelling ?? task }
    }
    return { kind: 'cancelled', task: (await this.runs.end(task, { kind: 'cancelled' })) ?? task }
  }

  /** Looks for the same work, where that is wanted, and admits what is new. */
  #submitContent(
    type: TaskType,
    submission: Submission,
    key: Omit<KeyRecord, 'taskId'> | null,
  ): Promise<SubmitReply> {
    const { caller, priority, isForced, dedupe } = submission
    const content = (dedupe ?? type.dedupe ?? false) ? contentOf(submission) : null
    const admit = () => this.#admitNew(this.#create(type, submission, content), key)
    if (content === null || isForced) return admit()
    return this.flights.once({ caller, content, priority }, admit)
  }

  async #admitNew(task: Task, key: Omit<KeyRecord, 'taskId'> | null): Promise<SubmitReply> {
    const refusal = this.refusal(task.priority)
    const place = refusal === undefined ? this.#parts.pool.reserve(task.priority) : undefined
    if (place === undefined) {
      this.tally.reject()
      return refusal ?? this.#refuse('queue-full', task.priority)
    }
    reached('place-reserved')
    return this.#admit(task, place, key && { ...key, taskId: task.id })
  }

  #create(type: TaskType, submission: Submission, content: string | null): Task {
    const { input, upload, priority, metadata, webhook, caller } = submission
    const { clock, defaultTimeoutMs } = this.#parts
    const timeoutMs = type.timeoutMs ?? defaultTimeoutMs
    const given = { type: type.type, priority, caller, input, upload, metadata, webhook, content, timeoutMs }
    return createTask({ ...given, id: this.ids.next(), createdAt: clock.now() })
  }

  async #admit(task: Task, place: Place, key: KeyRecord | null): Promise<SubmitReply> {
    const { pool, log } = this.#parts
    const queuePlace = placeAfter(place.tasksAhead)
    let admitted: Task
    try {
      admitted = await this.recorder.admit(task, { type: 'queued', ...queuePlace }, key)
    } catch (error) {
      place.release()
      this.tally.reject()
      log.error({ err: error, taskId: task.id }, 'the journal refused a task')
      const isFull = error instanceof HeadgateError && error.code === 'disk-full'
      return this.#refuse(isFull ? 'disk-full' : 'journal-unavailable', task.priority)
    }
    // It can be cancelled, or lifted, as soon as it can be seen, which is before this turn.
    const newest = this.recorder.live(admitted.id)
    if (newest === undefined) place.release()
    else {
      this.flights.add(newest)
      pool.enqueue(newest, place)
    }
    const { id: taskId, type, priority } = admitted
    log.info({ taskId, type, priority, tasksAhead: place.tasksAhead }, 'task queued')
    return { kind: 'accepted', task: admitted, place: queuePlace }
  }

  #refuse(code: Refusal['code'], priority: Priority): Refusal {
    const { pool, random } = this.#parts
    const tasksAhead = pool.waitingAtOrAbove(priority)
    return {
      kind: 'refused',
      code,
      retryAfterSeconds: retryAfterSeconds({
        meanRunMs: this.runs.runSamples.mean,
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
