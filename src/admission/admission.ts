import type { Reservation } from '../pool/capacity.ts'
import type { QueuePlace } from '../task/event.ts'
import type { Priority } from '../task/priority.ts'
import type { Task } from '../task/task.ts'
import type { AdmissionDeps } from './admission-deps.ts'
import { Cancellation } from './cancellation.ts'
import { IdempotencyKeys } from './idempotency-keys.ts'
import { Joiners } from './joiners.ts'
import { checkSubmission } from './new-task.ts'
import { Placement } from './placement.ts'
import { SingleFlight } from './single-flight.ts'
import type { CancelReply, Refusal, Submission, SubmitReply } from './submission.ts'

/**
 * The only way in: admits tasks, and lets one of those who wait for a task cancel it or lift its priority. A submit goes
 * from here to its key, to equal work, and to its place, and each of them may end it.
 */
export class Admission {
  readonly #keys: IdempotencyKeys
  readonly #flights: SingleFlight
  readonly #placement: Placement
  readonly #waiters: Joiners
  readonly #cancellation: Cancellation
  readonly #deps: AdmissionDeps

  constructor(deps: AdmissionDeps) {
    const { clock, pool, lifecycle, deliver } = deps
    const { tasks: journal, duplicates, deliveries, health } = deps.journal
    const { recorder, transitions } = lifecycle
    this.#deps = deps
    const waiters = new Joiners({ recorder, transitions, pool, deliveries, deliver, now: clock.now })
    this.#waiters = waiters
    this.#cancellation = new Cancellation({
      recorder,
      transitions,
      waiters,
      pool,
      journal,
      health,
      clock,
    })
    const placement = (this.#placement = new Placement(deps))
    const flights = (this.#flights = new SingleFlight({
      duplicates,
      journal,
      live: (id) => lifecycle.live(id),
      join: (task, submission) => this.#waiters.join(task, submission),
      have: (task, submission) => this.#waiters.have(task, submission),
      next: placement.place.bind(placement),
    }))
    this.#keys = new IdempotencyKeys({
      duplicates,
      journal,
      now: clock.provenNow,
      next: flights.submit.bind(flights),
    })
  }

  /** Which new tasks are accepted. */
  get intake(): Placement['intake'] {
    return this.#placement.intake
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
    this.#placement.ids.follow(newest)
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
    return this.#placement.refusal(caller, type)
  }

  /** What is wrong with a submit, without admitting it; undefined: nothing. */
  check(submission: Submission): Extract<SubmitReply, { kind: 'unknown-type' | 'invalid' }> | undefined {
    const checked = checkSubmission(this.#deps.registry, this.#deps.defaults, submission)
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
    const { registry, defaults, log } = this.#deps
    const checked = checkSubmission(registry, defaults, submission)
    if ('kind' in checked) {
      place?.release()
      return checked
    }
    try {
      return await this.#keys.submit({ ...checked, place })
    } catch (error) {
      // A look into the journal failed.
      log.error({ err: error }, 'journal read failed')
      return this.#placement.refuse('journal-unavailable')
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
    const places = this.#placement.reserveAll(submissions)
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
}
