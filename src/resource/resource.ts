import { MAX_TIMER_MS, type Clock } from '../time/clock.ts'
import type { AcquireRequest, AcquireReply, Cost, Lease, ResourceLimits } from '../task/resource.ts'
import type { Priority } from '../task/priority.ts'
import type { ErrorClass } from '../task/error-class.ts'
import type { ProjectLimits, Grant, SavedProjectLimits } from './project-limits.ts'
import { isKeyRefused, learn, Projects, toProjects } from './projects.ts'
import type { ProjectKey } from './key-pool.ts'
import { OpenLeases } from './open-leases.ts'
import { WaitList } from './wait-list.ts'

export interface ResourceOptions {
  readonly name: string
  readonly limits: ResourceLimits
  /** None: calls need no key, and share one set of limits. */
  readonly keys: readonly ProjectKey[]
  readonly clock: Clock
  /** 0 to 1. */
  readonly random: () => number
  /** A task that is parked for this resource may run. */
  readonly wake: (taskId: string) => void
  /** Whether it makes sense to start tasks that need the resource. */
  readonly opened: (isOpen: boolean) => void
}

/** Room that is free within this time is waited for in the slot: parking and resuming costs a run. */
const PATIENCE_MS = 1000

interface InPlace extends AcquireRequest {
  readonly settle: (reply: AcquireReply) => void
}

/** One named resource: grants what its limits allow, in turn, and wakes those for whom there is room again. */
export class Resource {
  readonly #options: ResourceOptions
  readonly #projects: Projects
  readonly #waiters = new WaitList()
  readonly #inPlace: InPlace[] = []
  readonly #open = new OpenLeases()
  #isOpen = true
  #isStopped = false
  /** Rises with every draw and every end of one. */
  changes = 0
  #disarm: (() => void) | null = null
  limits: ResourceLimits

  constructor(options: ResourceOptions) {
    const { keys, limits, random } = options
    this.#options = options
    this.limits = limits
    this.#projects = new Projects(toProjects(keys), limits, random)
  }

  /** Units that may be in flight now; Infinity: no limit. */
  get limit(): number {
    return this.#projects.limit
  }

  get inFlight(): number {
    return this.#projects.inFlight
  }

  get sleeping(): number {
    return this.#waiters.sleeping
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** When time alone lets the next call through, epoch ms; null: nothing but calls in flight holds it back. */
  get openAt(): number | null {
    const { clock } = this.#options
    const wait = this.#waitFor({ weight: 1, tokens: 0 }, clock.monotonic())
    return wait === 0 ? null : clock.now() + wait
  }

  get keys(): { readonly good: number; readonly projects: number } {
    return this.#projects.keys
  }

  /** Acquires at once or within a second; otherwise the task has to be parked. */
  acquire(given: AcquireRequest): Promise<AcquireReply> {
    const { ask, taskId, signal } = given
    // A call that is left over from a run that has ended.
    if (signal.aborted) return Promise.resolve({ kind: 'busy', until: null })
    if (this.#projects.isUsedUp) return refused('no-key')
    if (!this.#projects.isPossible(ask)) return refused('too-large')
    const now = this.#options.clock.monotonic()
    if (this.#inPlace.length === 0 || this.#waiters.isExpected(taskId)) {
      const lease = this.#draw(given, now)
      if (lease !== null) return Promise.resolve(lease)
    }
    if (this.#waitFor(ask, now) > PATIENCE_MS || this.#waiters.sleeping > 0)
      return Promise.resolve(this.#sleep(given))
    return this.#waitInPlace(given, now)
  }

  /** The run of a task has ended for lack of room: it is parked until it is woken. */
  sleep(taskId: string, priority: Priority): void {
    this.#waiters.sleep(taskId, priority)
    this.#serve()
  }

  /** The run of a task is over: what its calls still hold is released, also that of calls that never return. */
  release(taskId: string): void {
    this.#open.endAll(taskId)
  }

  /** A task does not want it any more: it was cancelled, or its run has ended. */
  forget(taskId: string): void {
    if (this.#waiters.remove(taskId)) this.#serve()
  }

  reprioritise(taskId: string, priority: Priority): void {
    this.#waiters.reprioritise(taskId, priority)
  }

  /** New limits, at once; calls in flight continue. */
  resize(limits: ResourceLimits): void {
    this.limits = limits
    this.#projects.resize(limits)
    this.#serve()
  }

  save(): readonly SavedProjectLimits[] {
    const { clock } = this.#options
    return this.#projects.save(clock.monotonic(), clock.now())
  }

  load(saved: readonly SavedProjectLimits[], idleMs: number): void {
    const { clock } = this.#options
    this.#projects.restore(saved, { now: clock.monotonic(), wall: clock.now(), idleMs })
    this.#serve()
  }

  /** Wakes no task any more. */
  stop(): void {
    this.#disarm?.()
    this.#disarm = null
    this.#isStopped = true
  }

  #sleep({ taskId, ask }: AcquireRequest): AcquireReply {
    this.#waiters.leave(taskId, ask)
    const { clock } = this.#options
    const wait = this.#waitFor(ask, clock.monotonic())
    return { kind: 'busy', until: wait === 0 ? null : clock.now() + wait }
  }

  #waitInPlace(given: AcquireRequest, now: number): Promise<AcquireReply> {
    return new Promise((resolve) => {
      const leave = () => {
        cancelTimer()
        given.signal.removeEventListener('abort', giveUp)
        const at = this.#inPlace.indexOf(waiting)
        if (at >= 0) this.#inPlace.splice(at, 1)
      }
      const giveUp = () => {
        leave()
        resolve(given.signal.aborted ? { kind: 'busy', until: null } : this.#sleep(given))
      }
      const waiting: InPlace = {
        ...given,
        settle: (reply) => {
          leave()
          resolve(reply)
        },
      }
      const cancelTimer = this.#options.clock.after(PATIENCE_MS, giveUp)
      given.signal.addEventListener('abort', giveUp, { once: true })
      this.#inPlace.push(waiting)
      this.#arm(now)
    })
  }

  #draw({ ask, taskId, signal }: AcquireRequest, now: number): Lease | null {
    const kept = this.#waiters.expectedWeight(now, taskId)
    const project = this.#projects.find(ask, { now, kept })
    if (project === undefined) return null
    this.#waiters.arrived(taskId)
    this.changes += 1
    const draw = project.draw(ask, now)
    let isEnded = false
    const lease: Lease = {
      kind: 'lease',
      key: draw.key,
      used: (tokens) => project.correct(draw, tokens),
      end: (verdict) => {
        if (isEnded) return false
        isEnded = true
        this.#open.remove(taskId, lease)
        const isTold = this.#end(project, draw, verdict)
        if (isTold && !signal.aborted) this.#waiters.leave(taskId, ask)
        return isTold
      },
    }
    this.#open.add(taskId, lease)
    return lease
  }

  /** Returns whether this resource wakes the task. */
  #end(project: ProjectLimits, draw: Grant, verdict: ErrorClass | null): boolean {
    const isOneProvider = this.limits.isOneProvider !== false
    project.giveBack(draw)
    this.changes += 1
    learn(project, { grant: draw, errorClass: verdict, isOneProvider }, this.#options.clock.monotonic())
    const isRefused = isOneProvider && isKeyRefused(verdict)
    if (isRefused) project.keys.refuse(draw.key)
    const isTold = isRefused ? this.keys.good > 0 : isOneProvider && verdict?.kind === 'park'
    this.#serve()
    return isTold
  }

  /**
   * Grants and wakes as many as there is room for, those that wait in their slots first. All of it at one instant: what is held
   * back for the last part of a millisecond would else have no timer, since it is not held back any more when that is set.
   */
  #serve(): void {
    if (this.#isStopped) return
    const now = this.#options.clock.monotonic()
    for (let first = this.#inPlace[0]; first !== undefined; first = this.#inPlace[0]) {
      const lease = this.#draw(first, now)
      if (lease === null) break
      first.settle(lease)
    }
    for (let next = this.#waiters.first(); next !== undefined; next = this.#waiters.first()) {
      // It runs again to be ended with that reason.
      const isHopeless = !this.#projects.canServe(next.ask)
      const kept = this.#waiters.expectedWeight(now, next.taskId)
      if (!isHopeless && this.#projects.find(next.ask, { now, kept }) === undefined) break
      this.#waiters.wake(next, now)
      this.#options.wake(next.taskId)
    }
    this.#tellOpen(now)
    this.#arm(now)
  }

  #tellOpen(now: number): void {
    const isOpen = this.#waiters.sleeping === 0 && this.#waitFor({ weight: 1, tokens: 0 }, now) <= PATIENCE_MS
    if (isOpen === this.#isOpen) return
    this.#isOpen = isOpen
    this.#options.opened(isOpen)
  }

  /** ms until time alone lets a call through. */
  #waitFor(ask: Cost, now: number): number {
    return this.#projects.waitFor(ask, now)
  }

  /** Looks again when time lets the next call through. @param now when it was looked whether it does */
  #arm(now: number): void {
    this.#disarm?.()
    this.#disarm = null
    const next = this.#inPlace[0] ?? this.#waiters.first()
    if (next === undefined && this.#isOpen) return
    const { clock } = this.#options
    const open = this.#waitFor(next?.ask ?? { weight: 1, tokens: 0 }, now)
    // Room that was kept for somebody who does not come is given to the next.
    const givenUp = this.#waiters.nextGivenUpAt(now) - now
    const wait = Math.min(open > 0 ? open : Infinity, givenUp)
    if (wait < Infinity)
      this.#disarm = clock.after(Math.min(Math.ceil(wait), MAX_TIMER_MS), () => this.#serve())
  }
}

function refused(why: 'no-key' | 'too-large'): Promise<AcquireReply> {
  return Promise.resolve({ kind: 'refused', why })
}
