import type { Logger } from 'pino'
import { failpoint } from '../failpoints.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { Journal, KeyRecord } from '../journal/journal.ts'
import type { Lifecycle } from '../lifecycle/lifecycle.ts'
import type { Reservation } from '../pool/capacity.ts'
import type { TakenTicket } from '../pool/order/priority-queue.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import { HeadgateError } from '../task/errors.ts'
import type { QueuePlace } from '../task/event.ts'
import type { Task } from '../task/task.ts'
import { toTicket } from '../task/ticket.ts'
import type { Clock } from '../time/clock.ts'
import { Intake } from './intake.ts'
import { toNewTask, type NewKey, type PendingSubmit } from './new-task.ts'
import type { Refusal, Submission, SubmitReply } from './submission.ts'
import { TaskIds } from './task-ids.ts'
import type { Defaults } from './validate.ts'

export interface PlacementDeps {
  readonly lifecycle: Lifecycle
  readonly pool: WorkerPool
  readonly journal: Pick<Journal, 'health'>
  readonly estimator: WaitEstimator
  readonly clock: Clock
  readonly log: Logger
  readonly defaults: Defaults
}

/** The last step of a submit: takes a place, commits the task, and enqueues it; or refuses it. */
export class Placement {
  readonly intake = new Intake()
  readonly ids: TaskIds
  readonly #deps: PlacementDeps

  constructor(deps: PlacementDeps) {
    this.#deps = deps
    this.ids = new TaskIds(deps.clock.now)
  }

  /** Why a task of this caller, and of this type where it is known, would be refused now. */
  refusal(caller: string, type: string | null): Refusal | undefined {
    const { journal, pool } = this.#deps
    const code = this.intake.refusal(caller, type) ?? journal.health.refusal ?? pool.refusal(caller)
    return code === null ? undefined : this.refuse(code)
  }

  /** Places for all of these, or the refusal of the first that finds none. */
  reserveAll(submissions: readonly Submission[]): readonly Reservation[] | Refusal {
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
      return refusal ?? this.refuse('queue-full')
    }
    return places
  }

  /** @param content digest by which an equal submit finds the task; null: it is not to be found */
  async place(given: PendingSubmit, content: string | null, key: NewKey | null): Promise<SubmitReply> {
    const { priority, caller } = given.submission
    const { pool } = this.#deps
    const refusal = given.place === undefined ? this.refusal(caller, given.type.type) : undefined
    const place = given.place ?? (refusal === undefined ? pool.reserve(priority, caller) : undefined)
    if (place === undefined) {
      this.#deps.lifecycle.counters.reject()
      return refusal ?? this.refuse('queue-full')
    }
    failpoint('place-reserved')
    const task = this.#create(given, content, place)
    return this.#admit(task, place, key && { ...key, taskId: task.id })
  }

  refuse(code: Refusal['code']): Refusal {
    const { pool, estimator, clock } = this.#deps
    // While a provider is down, no capacity is freed before the first of its tasks is due.
    const until = pool.parkedFullUntil
    const isKnown = until !== null && until < Infinity
    const placeMs = isKnown ? Math.max(0, until - clock.now()) : undefined
    return {
      kind: 'refused',
      code,
      retryAfterSeconds: estimator.retryAfterSeconds(pool.slots, placeMs),
      waiting: pool.taken,
      capacity: pool.capacity,
    }
  }

  #create(given: PendingSubmit, content: string | null, place: Reservation): Task {
    const { estimator, clock, defaults } = this.#deps
    const { priority, delayMs } = given.submission
    const toldWait = delayMs === 0 ? estimator.newcomer(priority, place.tasksAhead) : null
    return toNewTask(given, { id: this.ids.next(), createdAt: clock.now(), content, toldWait }, defaults)
  }

  async #admit(task: Task, place: Reservation, key: KeyRecord | null): Promise<SubmitReply> {
    const { pool, log, estimator, lifecycle } = this.#deps
    const queuePlace = pool.placeAfter(place.tasksAhead, task.toldWait)
    const claim = task.upload === null ? pool.claim(toTicket(task), place) : undefined
    let admitted: Task
    try {
      admitted = await this.#write(task, queuePlace, { key, claim })
    } catch (error) {
      place.release()
      lifecycle.counters.reject()
      log.error({ err: error, taskId: task.id }, 'journal refused task')
      const isFull = error instanceof HeadgateError && error.code === 'disk-full'
      return this.refuse(isFull ? 'disk-full' : 'journal-unavailable')
    }
    const { id: taskId, type, priority } = admitted
    // It can be cancelled, or lifted, as soon as it can be seen, which is before this turn.
    const newest = lifecycle.recorder.live(taskId)
    if (newest === undefined) place.release()
    else if (claim === undefined) {
      lifecycle.transitions.enqueued(taskId)
      pool.enqueue(toTicket(newest), place)
    }
    estimator.arrivals.add(priority, type, task.createdAt)
    return { kind: 'accepted', task: admitted, place: queuePlace }
  }

  /** Where a slot is taken already, the start of the run is written with the task. */
  #write(
    task: Task,
    place: QueuePlace,
    { key, claim }: { readonly key: KeyRecord | null; readonly claim: TakenTicket | undefined },
  ): Promise<Task> {
    const { pool, lifecycle } = this.#deps
    const { transitions } = lifecycle
    if (claim === undefined) return transitions.admit(task, place, key)
    const admitted = transitions.admitStarted(task, place, key)
    pool.start(claim)
    return admitted
  }
}
