import { MAX_TIMER_MS, type Clock } from '../time/clock.ts'
import type { AcquireRequest, AcquireReply, Cost, Lease, ResourceLimits } from '../task/resource.ts'
import type { Priority } from '../task/priority.ts'
import type { ErrorClass } from '../task/error-class.ts'
import { ProjectLimits, type Grant, type SavedProjectLimits } from './project-limits.ts'
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
  readonly #accounts: readonly ProjectLimits[]
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
    const projects = keys.length === 0 ? [''] : [...new Set(keys.map(({ project }) => project))]
    this.#accounts = projects.map((project) => {
      const own = keys.filter((key) => key.project === project).map(({ key }) => key)
      return new ProjectLimits({ project, keys: own }, limits, random)
    })
  }

  /** Units that may be in flight now; Infinity: no limit. */
  get limit(): number {
    return this.#accounts.reduce((sum, { limit, keys }) => sum + (keys.isUsedUp ? 0 : limit), 0)
  }

  get inFlight(): number {
    return this.#accounts.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  get sleeping(): number {
    return this.#waiters.sleeping
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** When time alone lets the next call through, epoch ms; null: nothing but calls in flight holds it back. */
  get openAt(): number | null {
    const wait = this.#waitFor({ weight: 1, tokens: 0 })
    return wait === 0 ? null : this.#options.clock.now() + wait
  }

  get keys(): { readonly good: number; readonly projects: number } {
    const good = this.#accounts.reduce((sum, { keys }) => sum + keys.good, 0)
    return { good, projects: this.#accounts.length }
  }

  /** Acquires at once or within a second; otherwise the task has to be parked. */
  acquire(given: AcquireRequest): Promise<AcquireReply> {
    const { ask, taskId, signal } = given
    // A call that is left over from a run that has ended.
    if (signal.aborted) return Promise.resolve({ kind: 'busy', until: null })
    if (this.#accounts.every(({ keys }) => keys.isUsedUp)) return refused('no-key')
    if (!this.#accounts.some((account) => account.isPossible(ask))) return refused('too-large')
    if (this.#inPlace.length === 0 || this.#waiters.isExpected(taskId)) {
      const lease = this.#draw(given)
      if (lease !== null) return Promise.resolve(lease)
    }
    if (this.#waitFor(ask) > PATIENCE_MS || this.#waiters.sleeping > 0)
      return Promise.resolve(this.#sleep(given))
    return this.#waitInPlace(given)
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
    for (const account of this.#accounts) account.resize(limits)
    this.#serve()
  }

  save(): readonly SavedProjectLimits[] {
    const { clock } = this.#options
    return this.#accounts.map((account) => account.save(clock.monotonic(), clock.now()))
  }

  load(saved: readonly SavedProjectLimits[], idleMs: number): void {
    const { clock } = this.#options
    const times = { now: clock.monotonic(), wall: clock.now(), idleMs }
    for (const account of this.#accounts) {
      const known = saved.find(({ project }) => project === account.project)
      if (known !== undefined) account.restore(known, times)
    }
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
    const wait = this.#waitFor(ask)
    return { kind: 'busy', until: wait === 0 ? null : this.#options.clock.now() + wait }
  }

  #waitInPlace(given: AcquireRequest): Promise<AcquireReply> {
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
      this.#arm()
    })
  }

  /** The account with most room that can take the call now. */
  #accountFor(ask: Cost, kept: number): ProjectLimits | undefined {
    const now = this.#options.clock.monotonic()
    let best: ProjectLimits | undefined
    for (const account of this.#accounts) {
      if (account.keys.isUsedUp || !account.isPossible(ask) || account.waitFor(ask, now) > 0) continue
      if (!account.hasRoom(ask, kept)) continue
      if (best === undefined || account.limit - account.inFlight > best.limit - best.inFlight) best = account
    }
    return best
  }

  #draw({ ask, taskId, signal }: AcquireRequest): Lease | null {
    const now = this.#options.clock.monotonic()
    const kept = this.#waiters.expectedWeight(now, taskId)
    const account = this.#accountFor(ask, kept)
    if (account === undefined) return null
    this.#waiters.arrived(taskId)
    this.changes += 1
    const draw = account.draw(ask, now)
    let isEnded = false
    const lease: Lease = {
      kind: 'lease',
      key: draw.key,
      used: (tokens) => account.correct(draw, tokens),
      end: (verdict) => {
        if (isEnded) return false
        isEnded = true
        this.#open.remove(taskId, lease)
        const isTold = this.#end(account, draw, verdict)
        if (isTold && !signal.aborted) this.#waiters.leave(taskId, ask)
        return isTold
      },
    }
    this.#open.add(taskId, lease)
    return lease
  }

  /** Returns whether this resource wakes the task. */
  #end(account: ProjectLimits, draw: Grant, verdict: ErrorClass | null): boolean {
    account.giveBack(draw)
    this.changes += 1
    const isTold = this.#learn(account, draw, verdict)
    this.#serve()
    return isTold
  }

  #learn(account: ProjectLimits, draw: Grant, verdict: ErrorClass | null): boolean {
    if (verdict === null) account.succeeded(draw)
    if (verdict === null || this.limits.isOneProvider === false) return false
    if (verdict.kind === 'park') {
      const { limit: kind, afterMs } = verdict
      account.overloaded(draw, { kind, afterMs }, this.#options.clock.monotonic())
      return true
    }
    if (verdict.kind !== 'end' || verdict.why === 'other') return false
    account.keys.refuse(draw.key)
    return this.#accounts.some(({ keys }) => keys.good > 0)
  }

  /** Grants and wakes as many as there is room for, those that wait in their slots first. */
  #serve(): void {
    if (this.#isStopped) return
    for (let first = this.#inPlace[0]; first !== undefined; first = this.#inPlace[0]) {
      const lease = this.#draw(first)
      if (lease === null) break
      first.settle(lease)
    }
    const now = this.#options.clock.monotonic()
    for (let next = this.#waiters.first(); next !== undefined; next = this.#waiters.first()) {
      // It runs again to be ended with that reason.
      const isHopeless = this.#ableFor(next.ask).length === 0
      const kept = this.#waiters.expectedWeight(now, next.taskId)
      if (!isHopeless && this.#accountFor(next.ask, kept) === undefined) break
      this.#waiters.wake(next, now)
      this.#options.wake(next.taskId)
    }
    this.#tellOpen()
    this.#arm()
  }

  #tellOpen(): void {
    const isOpen = this.#waiters.sleeping === 0 && this.#waitFor({ weight: 1, tokens: 0 }) <= PATIENCE_MS
    if (isOpen === this.#isOpen) return
    this.#isOpen = isOpen
    this.#options.opened(isOpen)
  }

  #ableFor(ask: Cost): readonly ProjectLimits[] {
    return this.#accounts.filter((account) => !account.keys.isUsedUp && account.isPossible(ask))
  }

  /** ms until time alone lets a call through, of the account that is first. */
  #waitFor(ask: Cost): number {
    const now = this.#options.clock.monotonic()
    const able = this.#ableFor(ask)
    return able.length === 0 ? 0 : Math.min(...able.map((account) => account.waitFor(ask, now)))
  }

  /** Looks again when time lets the next call through. */
  #arm(): void {
    this.#disarm?.()
    this.#disarm = null
    const next = this.#inPlace[0] ?? this.#waiters.first()
    if (next === undefined && this.#isOpen) return
    const { clock } = this.#options
    const now = clock.monotonic()
    const open = this.#waitFor(next?.ask ?? { weight: 1, tokens: 0 })
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
