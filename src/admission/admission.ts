import { retryAfterSeconds } from '../forecast/compute-retry-after.ts'
import type { KeyRecord } from '../journal/journal.ts'
import type { Reservation } from '../pool/capacity.ts'
import type { TakenTicket } from '../pool/order/priority-queue.ts'
import { toTicket } from '../task/ticket.ts'
import { HeadgateError } from '../task/errors.ts'
import type { EventBody, QueuePlace } from '../task/event.ts'
import { failpoint } from '../failpoints.ts'
import type { Priority } from '../task/priority.ts'
import type { Task } from '../task/task.ts'
import { computeFingerprint } from './digests.ts'
import { IdempotencyKeys } from './idempotency-keys.ts'
import { Intake } from './intake.ts'
import { SingleFlight } from './single-flight.ts'
import { checkSubmission, toContent, toNewTask, type CheckedSubmission } from './new-task.ts'
import type { Defaults } from './validate.ts'
import type { CancelReply, Refusal, Submission, SubmitReply } from './submission.ts'
import { TaskIds } from './task-ids.ts'
import { Joiners } from './joiners.ts'
import { Cancellation } from './cancellation.ts'
import type { AdmissionDeps } from './admission-deps.ts'

/** A submit on its way. */
interface PendingSubmit extends CheckedSubmission {
  /** Reserved for it before; absent: it has to find one. */
  readonly place: Reservation | undefined
}

/** The only way in: admits tasks, and lets one of those who wait for a task cancel it or lift its priority. */
export class Admission {
  readonly intake = new Intake()
  readonly #keys: IdempotencyKeys
  readonly #ids: TaskIds
  readonly #flights: SingleFlight
  readonly #waiters: Joiners
  readonly #cancellation: Cancellation
  readonly #deps: AdmissionDeps

  constructor(deps: AdmissionDeps) {
    const { journal, duplicates, clock, provenNow, pool, lifecycle } = deps
    const { recorder, transitions } = lifecycle
    const { now } = clock
    this.#deps = deps
    this.#ids = new TaskIds(now)
    this.#keys = new IdempotencyKeys({ duplicates, journal, now: provenNow })
    const { resources, deliveries, deliver } = deps
    this.#waiters = new Joiners({ recorder, pool, resources, deliveries, deliver, now })
    this.#cancellation = new Cancellation({ ...deps, recorder, transitions, waiters: this.#waiters })
    this.#flights = new SingleFlight({
      duplicates,
      journal,
      live: (id) => lifecycle.live(id),
      join: (task, submission) => this.#waiters.join(task, submission),
      have: (task, submission) => this.#waiters.have(task, submission),
    })
  }

  /** The queue position of a waiting task, with its estimated wait; null when it does not wait. */
  placeOf({ id }: Pick<Task, 'id'>): QueuePlace | null {
    const { pool, estimator } = this.#deps
    const tasksAhead = pool.isWaiting(id) ? pool.tasksAhead(id) : undefined
    return tasksAhead === undefined ? null : pool.placeAfter(tasksAhead, estimator.waitAfter(tasksAhead))
  }

  /** Whether a task of this type can run here. */
  knows(type: string): boolean {
    return this.#deps.registry.find(type) !== undefined
  }

  /** Ids of new tasks follow this one. */
  followId(newest: string): void {
    this.#ids.follow(newest)
  }

  /** A task of an earlier process: an equal submit finds it. */
  restore(task: Task): void {
    this.#flights.add(task)
  }

  /** The end of a task is committed. */
  ended(task: Task): void {
    this.#flights.remove(task)
  }

  /**
   * Marks a key whose request is still being received, until the reply. Undefined: another request with
   * this key is.
   */
  receiveKey(caller: string, key: string): (() => void) | undefined {
    return this.#keys.receive(caller, key)
  }

  /** Why a task of this caller, and of this type where it is known, would be refused now; checked before an upload is read. */
  refusal(caller: string, type: string | null = null): Refusal | undefined {
    const { health, pool } = this.#deps
    const refused = this.intake.refusal(caller, type)
    if (refused !== null) return this.#refuse(refused)
    if (health.refusal !== null) return this.#refuse(health.refusal)
    const refusal = pool.refusal(caller)
    return refusal === null ? undefined : this.#refuse(refusal)
  }

  /** What is wrong with a submit, without admitting it; undefined: nothing. */
  check(submission: Submission): Extract<SubmitReply, { kind: 'unknown-type' | 'invalid' }> | undefined {
    const checked = checkSubmission(this.#deps.registry, this.#defaults, submission)
    return 'kind' in checked ? checked : undefined
  }

  /**
   * Admits one task: find the type, parse the input, look for the same one, take a place, commit, enqueue.
   * Never rejects.
   */
  submit(submission: Submission): Promise<SubmitReply> {
    return this.#submit(submission)
  }

  /** @param place one that was reserved for it before */
  async #submit(submission: Submission, place?: Reservation): Promise<SubmitReply> {
    const { registry, log } = this.#deps
    const checked = checkSubmission(registry, this.#defaults, submission)
    if ('kind' in checked) {
      place?.release()
      return checked
    }
    try {
      const { key, caller } = submission
      const given = { ...checked, place }
      if (key === null) return await this.#submitContent(given, null)
      const use = { key, caller, fingerprint: computeFingerprint(submission) }
      return await this.#keys.once(use, (record) => this.#submitContent(given, record))
    } catch (error) {
      // A look into the journal failed.
      log.error({ err: error }, 'journal read failed')
      return this.#refuse('journal-unavailable')
    } finally {
      // Used up, unless nothing new was admitted.
      place?.release()
    }
  }

  /**
   * Admits all of these or none: every place is taken before the first one is admitted. The refusal is that of the first
   * that finds none. Never rejects.
   */
  async submitAll(submissions: readonly Submission[]): Promise<readonly SubmitReply[] | Refusal> {
    const places = this.#reserveAll(submissions)
    if ('kind' in places) return places
    const replies = await Promise.all(submissions.map((each, index) => this.#submit(each, places[index])))
    const refused = replies.find((reply) => reply.kind === 'refused')
    if (refused === undefined) return replies
    // The disk failed between two of them: what was admitted goes again.
    for (const each of replies) {
      const isJoined = each.kind === 'duplicate' && each.how === 'in_progress'
      if (each.kind === 'accepted' || isJoined) await this.cancel(each.task.id)
    }
    return refused
  }

  /** Cancels a task, or takes one of several submits away that wait for it: see {@link Cancellation}. */
  cancel(id: string, waiter: number | null = null): Promise<CancelReply> {
    return this.#cancellation.cancel(id, waiter)
  }

  /** Moves a waiting or delayed task to another level, where it keeps its age; undefined: it has started. */
  async reprioritise(id: string, priority: Priority): Promise<Task | undefined> {
    const task = this.#deps.lifecycle.live(id)
    return task && this.#waiters.reprioritise(task, priority)
  }

  /** Places for all of these, or the refusal of the first that finds none. */
  #reserveAll(submissions: readonly Submission[]): readonly Reservation[] | Refusal {
    const places: Reservation[] = []
    for (const { priority, caller, type } of submissions) {
      const refusal = this.refusal(caller, type)
      const place = refusal === undefined ? this.#deps.pool.reserve(priority, caller) : undefined
      if (place !== undefined) {
        places.push(place)
        continue
      }
      for (const { release } of places) release()
      for (const _ of submissions) this.#deps.lifecycle.counters.reject()
      return refusal ?? this.#refuse('queue-full')
    }
    return places
  }

  /** Looks for the same work, where that is wanted, and admits what is new. */
  #submitContent(given: PendingSubmit, key: Omit<KeyRecord, 'taskId'> | null): Promise<SubmitReply> {
    const { submission } = given
    const content = toContent(given)
    const admit = () => this.#admitNew({ ...given, content }, key)
    if (content === null || submission.isForced) return admit()
    return this.#flights.once(submission, content, admit)
  }

  async #admitNew(
    given: PendingSubmit & { readonly content: string | null },
    key: Omit<KeyRecord, 'taskId'> | null,
  ): Promise<SubmitReply> {
    const { priority, caller } = given.submission
    const { pool } = this.#deps
    const refusal = given.place === undefined ? this.refusal(caller, given.type.type) : undefined
    const place = given.place ?? (refusal === undefined ? pool.reserve(priority, caller) : undefined)
    if (place === undefined) {
      this.#deps.lifecycle.counters.reject()
      return refusal ?? this.#refuse('queue-full')
    }
    failpoint('place-reserved')
    const task = this.#create(given, place)
    return this.#admit(task, place, key && { ...key, taskId: task.id })
  }

  #create(given: PendingSubmit & { readonly content: string | null }, place: Reservation): Task {
    const { content, submission } = given
    const { priority, delayMs } = submission
    const toldWait = delayMs === 0 ? this.#deps.estimator.newcomer(priority, place.tasksAhead) : null
    const decided = { id: this.#ids.next(), createdAt: this.#deps.clock.now(), content, toldWait }
    return toNewTask(given, decided, this.#defaults)
  }

  get #defaults(): Defaults {
    return { timeoutMs: this.#deps.defaultTimeoutMs, attempts: this.#deps.defaultAttempts }
  }

  async #admit(task: Task, place: Reservation, key: KeyRecord | null): Promise<SubmitReply> {
    const { pool, log, estimator, lifecycle } = this.#deps
    const queuePlace = pool.placeAfter(place.tasksAhead, task.toldWait)
    const body = { type: 'queued', ...queuePlace } as const
    const claim = task.upload === null ? pool.claim(toTicket(task), place) : undefined
    let admitted: Task
    try {
      admitted = await this.#write(task, body, { key, claim })
    } catch (error) {
      place.release()
      this.#deps.lifecycle.counters.reject()
      log.error({ err: error, taskId: task.id }, 'journal refused task')
      const isFull = error instanceof HeadgateError && error.code === 'disk-full'
      return this.#refuse(isFull ? 'disk-full' : 'journal-unavailable')
    }
    // It can be cancelled, or lifted, as soon as it can be seen, which is before this turn.
    const newest = lifecycle.recorder.live(admitted.id)
    if (newest === undefined) place.release()
    else {
      this.#flights.add(newest)
      if (claim === undefined) {
        lifecycle.transitions.admitted(newest.id)
        pool.enqueue(toTicket(newest), place)
      }
    }
    const { id: taskId, type, priority } = admitted
    estimator.arrivals.add(priority, type, task.createdAt)
    log.info(
      { taskId, type, priority, caller: task.caller, ...task.trace, tasksAhead: place.tasksAhead },
      'task queued',
    )
    return { kind: 'accepted', task: admitted, place: queuePlace }
  }

  /** Where a slot is taken already, the start of the run is written with the task. */
  #write(
    task: Task,
    body: EventBody,
    { key, claim }: { readonly key: KeyRecord | null; readonly claim: TakenTicket | undefined },
  ): Promise<Task> {
    const { pool, lifecycle } = this.#deps
    if (claim === undefined) return lifecycle.recorder.admit(task, body, { key })
    const admitted = lifecycle.transitions.admitStarted(task, body, key)
    pool.start(claim)
    return admitted
  }

  #refuse(code: Refusal['code']): Refusal {
    const { pool, random, estimator, clock } = this.#deps
    // While a provider is down, no capacity is freed before the first of its tasks is due.
    const until = pool.parkedFullUntil
    const isKnown = until !== null && until < Infinity
    const placeMs = isKnown ? Math.max(0, until - clock.now()) : estimator.placeMs()
    return {
      kind: 'refused',
      code,
      retryAfterSeconds: retryAfterSeconds(placeMs, pool.slots, random),
      waiting: pool.taken,
      capacity: pool.capacity,
    }
  }
}
