import type { Logger } from 'pino'
import { computeFingerprint } from '../../admission/digests.ts'
import { toCallerName } from '../../admission/idempotency-keys.ts'
import { Intake } from '../../admission/intake.ts'
import { findLeaver, toLeave, toMoved } from '../../admission/joining.ts'
import { checkSubmission, toContent } from '../../admission/new-task.ts'
import type { QueueAdmission } from '../../admission/queue-admission.ts'
import type { CancelReply, Refusal, Submission, SubmitReply } from '../../admission/submission.ts'
import { TaskIds } from '../../admission/task-ids.ts'
import type { Registry } from '../../handler/registry.ts'
import { toSettlement } from '../../lifecycle/settlement.ts'
import { listFields } from '../../lifecycle/transitions.ts'
import { HeadgateError } from '../../task/errors.ts'
import { placeAfter, type QueuePlace } from '../../task/event.ts'
import type { Priority } from '../../task/priority.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { Clock } from '../../time/clock.ts'
import type { Cluster } from '../cluster.ts'
import type { ClusterView } from '../cluster-view.ts'
import type { Database } from '../database/database.ts'
import type { TaskChanges } from '../task-changes.ts'
import { LOCK_AND_COUNT } from './known.ts'
import { NoPlace, PlaceGroup, type GroupDeps, type Newcomer } from './place-group.ts'

export interface ClusterAdmissionDeps extends Pick<GroupDeps, 'bounds' | 'defaults' | 'estimator'> {
  readonly registry: Registry
  readonly view: ClusterView
  readonly changes: TaskChanges
  readonly clock: Clock
  readonly log: Logger
}

/** Submissions of one transaction at most. */
const MAX_GROUP = 500
/** A full queue is asked again after this time, so that refusals do not cost the database what admissions do. */
const FULL_MS = 50

/** Submissions that are admitted together, or each by itself. */
interface Pending {
  readonly newcomers: readonly Newcomer[]
  readonly isAll: boolean
  readonly resolve: (replies: readonly SubmitReply[] | Refusal) => void
}

/** The only way in, for any number of processes: what came while the last transaction ran goes into the next one. */
export class ClusterAdmission implements QueueAdmission {
  readonly intake = new Intake()
  readonly #cluster: Cluster
  readonly #deps: ClusterAdmissionDeps
  readonly #group: GroupDeps
  /** Of a process that admits. */
  #lane: Database | null = null
  readonly #receiving = new Set<string>()
  #pending: Pending[] = []
  #isPlacing = false
  #fullUntil = -Infinity

  constructor(cluster: Cluster, deps: ClusterAdmissionDeps) {
    const { tickets, member } = cluster
    const { estimator, bounds, defaults, view, clock } = deps
    const ids = new TaskIds(clock.now)
    this.#cluster = cluster
    this.#deps = deps
    this.#group = {
      tickets,
      member,
      estimator,
      bounds,
      defaults,
      nextId: () => ids.next(),
      capacity: () => view.capacity,
      refuse: (code, waiting) => this.#refuse(code, waiting),
    }
  }

  placeOf(task: Task): QueuePlace | null {
    const { view, estimator } = this.#deps
    const counted = view.tasksAhead(task.id)
    if (counted !== undefined) return view.placeAfter(counted, estimator.waitAfter(counted))
    const estimated = view.estimateAhead(task)
    return estimated === undefined ? null : placeAfter(estimated, estimator.waitAfter(estimated), true)
  }

  knows(type: string): boolean {
    return this.#deps.registry.find(type) !== undefined
  }

  receiveKey(caller: string, key: string): (() => void) | undefined {
    const name = toCallerName(caller, key)
    if (this.#receiving.has(name)) return undefined
    this.#receiving.add(name)
    return () => this.#receiving.delete(name)
  }

  refusal(caller: string, type: string | null = null): Refusal | undefined {
    const { view } = this.#deps
    const refused = this.intake.refusal(caller, type)
    if (refused !== null) return this.#refuse(refused, view.taken)
    return view.taken >= view.capacity ? this.#refuse('queue-full', view.taken) : undefined
  }

  check(submission: Submission): Extract<SubmitReply, { kind: 'unknown-type' | 'invalid' }> | undefined {
    const checked = checkSubmission(this.#deps.registry, this.#deps.defaults, submission)
    return 'kind' in checked ? checked : undefined
  }

  async submit(submission: Submission): Promise<SubmitReply> {
    const { registry, view } = this.#deps
    const checked = checkSubmission(registry, this.#deps.defaults, submission)
    if ('kind' in checked) return checked
    const replies = await this.#admit([this.#toNewcomer(checked)], false)
    const reply = 'kind' in replies ? replies : (replies[0] as SubmitReply)
    // Its place is asked for next.
    if (reply.kind === 'duplicate') await view.freshen()
    return reply
  }

  async submitAll(submissions: readonly Submission[]): Promise<readonly SubmitReply[] | Refusal> {
    const newcomers: Newcomer[] = []
    for (const submission of submissions) {
      const checked = checkSubmission(this.#deps.registry, this.#deps.defaults, submission)
      if ('kind' in checked) return submissions.map((each) => this.check(each) ?? checked)
      newcomers.push(this.#toNewcomer(checked))
    }
    return this.#admit(newcomers, true)
  }

  async cancel(id: string, waiter: number | null = null): Promise<CancelReply> {
    const { changes, clock, log } = this.#deps
    let reply: CancelReply | null = null
    let isEnded = false
    try {
      const task = await changes.change(id, (newest) => {
        if (newest.status === 'cancelling') return null
        const leaver = findLeaver(newest, waiter)
        if (leaver.kind !== 'waits') {
          reply = leaver.kind === 'unknown' ? { kind: 'unknown-waiter' } : { kind: 'detached', task: newest }
          return null
        }
        if (newest.waiters > 1) return toLeave(newest, leaver.waiter)
        if (newest.status === 'running')
          return { change: { status: 'cancelling' }, body: { type: 'cancelling' } }
        isEnded = true
        return toSettlement(newest, { kind: 'cancelled' }, { now: clock.now(), tasksAhead: 0 })
      })
      if (task === undefined) return { kind: 'unknown' }
      return reply ?? toCancelReply(task, isEnded)
    } catch (error) {
      log.error({ err: error, taskId: id }, 'a cancel could not be written')
      return { kind: 'unwritten', code: 'journal-unavailable' }
    }
  }

  async reprioritise(id: string, priority: Priority): Promise<Task | undefined> {
    const { view, changes } = this.#deps
    let isMoved = false
    const task = await changes.change(id, (newest) => {
      isMoved = newest.status !== 'running' && newest.status !== 'cancelling'
      const body = toMoved(newest, priority, view.placeAtEnd(priority))
      return isMoved ? { change: { priority }, body } : null
    })
    await view.freshen()
    return isMoved ? task : undefined
  }

  #toNewcomer(checked: Pick<Newcomer, 'type' | 'submission'>): Newcomer {
    const { submission } = checked
    const { key, caller } = submission
    const use = key === null ? null : { key, caller, fingerprint: computeFingerprint(submission) }
    return { ...checked, content: toContent(checked), key: use }
  }

  #admit(newcomers: readonly Newcomer[], isAll: boolean): Promise<readonly SubmitReply[] | Refusal> {
    for (const { submission } of newcomers) {
      const refusal = this.#refusalNow(submission)
      if (refusal === undefined) continue
      for (const _ of newcomers) this.#deps.view.counters.reject()
      return Promise.resolve(isAll ? refusal : [refusal])
    }
    return new Promise((resolve) => {
      this.#pending.push({ newcomers, isAll, resolve })
      if (!this.#isPlacing) void this.#placeAll()
    })
  }

  /** Without the database: what an operator has closed, and a queue that was full a moment ago. */
  #refusalNow({ caller, type, key }: Submission): Refusal | undefined {
    const { view, clock } = this.#deps
    const refused = this.intake.refusal(caller, type)
    if (refused !== null) return this.#refuse(refused, view.taken)
    // One with a key may be known.
    return key === null && clock.monotonic() < this.#fullUntil
      ? this.#refuse('queue-full', view.capacity)
      : undefined
  }

  async #placeAll(): Promise<void> {
    this.#isPlacing = true
    // What is submitted in this turn goes together.
    await Promise.resolve()
    while (this.#pending.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#place(group)
      } catch (error) {
        this.#fail(group, error)
      }
    }
    this.#isPlacing = false
  }

  /** Those that belong together, alone; else those that come by themselves. */
  #takeGroup(): readonly Pending[] {
    const [first] = this.#pending
    if (first?.isAll === true) return this.#pending.splice(0, 1)
    const end = this.#pending.findIndex(({ isAll }, index) => isAll || index === MAX_GROUP)
    return this.#pending.splice(0, end < 0 ? this.#pending.length : end)
  }

  async #place(group: readonly Pending[]): Promise<void> {
    const { db, publisher } = this.#cluster
    const { log, view } = this.#deps
    this.#lane ??= db.takeLane()
    const isAll = group[0]?.isAll ?? false
    const newcomers = group.flatMap((pending) => pending.newcomers)
    const { replies, entries, hasTickets, hasWebhooks } = await this.#lane.transaction(
      (tx, first) => new PlaceGroup(tx, first, this.#group).admit(newcomers, isAll),
      LOCK_AND_COUNT,
    )
    view.markChanged()
    publisher.committed(entries)
    if (hasTickets) publisher.hasWork()
    if (hasWebhooks) publisher.hasWebhooks()
    if (replies.some((reply) => reply.kind === 'refused' && reply.code === 'queue-full')) this.#isFull()
    for (const { task, event } of entries) {
      if (task.lastSeq === 1 && event.type === 'queued')
        log.info({ ...listFields(task), tasksAhead: event.tasksAhead }, 'task queued')
    }
    if (isAll) group[0]?.resolve(replies)
    else for (const [index, { resolve }] of group.entries()) resolve([replies[index] as SubmitReply])
  }

  #isFull(): void {
    this.#fullUntil = this.#deps.clock.monotonic() + FULL_MS
  }

  #fail(group: readonly Pending[], error: unknown): void {
    if (error instanceof NoPlace) {
      for (const _ of group[0]?.newcomers ?? []) this.#deps.view.counters.reject()
      for (const { resolve } of group) resolve(error.refusal)
      return
    }
    const isFull = error instanceof HeadgateError && error.code === 'disk-full'
    this.#deps.log.error({ err: error, submissions: group.length }, 'the database refused submissions')
    const refusal = this.#refuse(isFull ? 'disk-full' : 'journal-unavailable', this.#deps.view.taken)
    for (const { isAll, newcomers, resolve } of group) resolve(isAll ? refusal : newcomers.map(() => refusal))
  }

  #refuse(code: Refusal['code'], waiting: number): Refusal {
    const { view, estimator } = this.#deps
    const retryAfterSeconds = estimator.retryAfterSeconds(view.slots)
    return { kind: 'refused', code, retryAfterSeconds, waiting, capacity: view.capacity }
  }
}

/** @param isOwn whether it has ended by this very cancel */
function toCancelReply(task: Task, isOwn: boolean): CancelReply {
  if (task.status === 'cancelling') return { kind: 'cancelling', task }
  if (!isTerminal(task.status)) return { kind: 'detached', task }
  return { kind: isOwn ? 'cancelled' : 'already-finished', task }
}
