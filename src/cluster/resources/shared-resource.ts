import { randomUUID } from 'node:crypto'
import { KeyPool, type ProjectKey } from '../../resource/key-pool.ts'
import { OpenLeases } from '../../resource/open-leases.ts'
import { isKeyRefused, Projects, toProjects } from '../../resource/projects.ts'
import type { AcquireReply, AcquireRequest, Lease, ResourceLimits } from '../../task/resource.ts'
import type { ErrorClass } from '../../task/error-class.ts'
import type { Clock } from '../../time/clock.ts'
import { Account, type HeldCall, type Holder, type WaitingCall } from './account.ts'
import type { AccountRow, AccountStore } from './account-store.ts'

export interface SharedResourceOptions {
  readonly name: string
  readonly limits: ResourceLimits
  readonly keys: readonly ProjectKey[]
  readonly store: AccountStore
  /** Of this process. */
  readonly member: number
  /** The run of a task that runs here; undefined: it does not. */
  readonly runOf: (taskId: string) => number | undefined
  /** Calls of these other processes may be made. */
  readonly granted: (members: readonly number[]) => void
  /** Nobody waits in a slot: what has room now may be for parked tasks. */
  readonly idle: (name: string, account: Account) => void
  /** The database is away. */
  readonly onError: (error: unknown) => void
  readonly clock: Clock
  /** 0 to 1. */
  readonly random: () => number
}

/** A change of the shared state. It may be made twice: a reply to a commit can be lost. */
type Change = (account: Account) => void

interface Waiting {
  readonly call: WaitingCall
  readonly given: AcquireRequest
  readonly resolve: (reply: AcquireReply) => void
  /** It has waited in its slot for as long as it may. */
  isOver: boolean
}

/** Room that is free within this time is waited for in the slot: parking and resuming costs a run. */
const PATIENCE_MS = 1000
const RETRY_MS = { min: 50, max: 1000 }

/**
 * One named resource whose limits hold over all processes. What is asked for and given back while a transaction is under
 * way goes together into the next one.
 */
export class SharedResource {
  limits: ResourceLimits
  readonly #options: SharedResourceOptions
  readonly #pools: ReadonlyMap<string, KeyPool>
  readonly #waiting = new Map<string, Waiting>()
  readonly #open = new OpenLeases()
  #changes: Change[] = []
  #isAsked = false
  #isStopped = false
  #working: Promise<void> | null = null
  #retryMs = RETRY_MS.min
  #disarm: (() => void) | null = null

  constructor(options: SharedResourceOptions) {
    this.#options = options
    this.limits = options.limits
    this.#pools = new Map(toProjects(options.keys).map(({ project, keys }) => [project, new KeyPool(keys)]))
  }

  get keys(): { readonly good: number; readonly projects: number } {
    const good = [...this.#pools.values()].reduce((sum, pool) => sum + pool.good, 0)
    return { good, projects: this.#pools.size }
  }

  /** Acquires within a second; otherwise the task has to be parked. While the database is away, it waits for it. */
  acquire(given: AcquireRequest): Promise<AcquireReply> {
    const { ask, taskId, priority, signal } = given
    const run = this.#options.runOf(taskId)
    // A call that is left over from a run that has ended.
    if (signal.aborted || run === undefined) return Promise.resolve({ kind: 'busy', until: null })
    const projects = this.#usable
    if (projects.length === 0) return Promise.resolve({ kind: 'refused', why: 'no-key' })
    if (!this.#toProjects().isPossible(ask)) return Promise.resolve({ kind: 'refused', why: 'too-large' })
    const holder: Holder = { member: this.#options.member, taskId, run }
    return this.#wait({ id: randomUUID(), holder, priority, ask, projects }, given)
  }

  /** The run of a task is over: what its calls still hold is released, also that of calls that never return. */
  release(taskId: string): void {
    this.#open.endAll(taskId)
  }

  /** New limits, at once; calls in flight continue. */
  resize(limits: ResourceLimits): void {
    this.limits = limits
    this.#serve()
  }

  /** Makes a change of the shared state, then grants what there is room for. */
  change(change: Change): void {
    this.#changes.push(change)
    this.#serve()
  }

  /** Another process has granted something. */
  look(): void {
    if (this.#waiting.size > 0) this.#serve()
  }

  /** The state as it was read. */
  toAccount({ state, now }: AccountRow): Account {
    const { random } = this.#options
    return new Account(state, { limits: this.limits, projects: [...this.#pools.keys()], random, now })
  }

  /** Settles when what was given back is written. */
  async whenWritten(): Promise<void> {
    await this.#working
  }

  stop(): void {
    this.#isStopped = true
    this.#disarm?.()
  }

  /** Projects with a key that is not refused. */
  get #usable(): readonly string[] {
    return [...this.#pools].filter(([, pool]) => !pool.isUsedUp).map(([project]) => project)
  }

  #toProjects(): Projects {
    const bare = this.#usable.map((project) => ({ project, keys: [] }))
    return new Projects(bare, this.limits, this.#options.random)
  }

  #wait(call: WaitingCall, given: AcquireRequest): Promise<AcquireReply> {
    const { id } = call
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#settle(id, { kind: 'busy', until: null })
        // It may have been granted meanwhile.
        this.change((account) => account.release(id))
      }
      const cancelTimer = this.#options.clock.after(PATIENCE_MS, () => {
        waiting.isOver = true
        this.#serve()
      })
      const waiting: Waiting = {
        call,
        given,
        isOver: false,
        resolve: (reply) => {
          cancelTimer()
          given.signal.removeEventListener('abort', giveUp)
          resolve(reply)
        },
      }
      this.#waiting.set(id, waiting)
      given.signal.addEventListener('abort', giveUp, { once: true })
      this.change((account) => account.ask(call))
    })
  }

  #settle(id: string, reply: AcquireReply): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.resolve(reply)
  }

  #serve(): void {
    this.#isAsked = true
    this.#working ??= this.#work()
  }

  async #work(): Promise<void> {
    // What is asked for in one turn goes together.
    await Promise.resolve()
    while (this.#isAsked) {
      this.#isAsked = false
      const changes = this.#changes
      this.#changes = []
      try {
        await this.#transact(changes)
        this.#retryMs = RETRY_MS.min
      } catch (error) {
        this.#options.onError(error)
        this.#changes = [...changes, ...this.#changes]
        if (this.#isStopped) break
        await new Promise<void>((resolve) => this.#options.clock.after(this.#retryMs, resolve))
        this.#retryMs = Math.min(RETRY_MS.max, this.#retryMs * 2)
        this.#isAsked = true
      }
    }
    this.#working = null
  }

  async #transact(changes: readonly Change[]): Promise<void> {
    const { name, store, member, granted, idle } = this.#options
    const known = [...this.#waiting.values()]
    const busy = new Map<string, number>()
    const { account, served } = await store.change(name, (row) => {
      busy.clear()
      const account = this.toAccount(row)
      for (const change of changes) change(account)
      const served = account.serve()
      const { order } = account
      for (const { call, isOver } of known) {
        const wait = account.waitFor(call.ask)
        const isFar = order.indexOf(call.id) >= Math.max(1, account.limit)
        if (!(isOver || isFar || wait > PATIENCE_MS) || account.held.has(call.id)) continue
        account.leave(call.id)
        busy.set(call.id, wait)
      }
      const isChanged = changes.length + served.length + busy.size > 0
      return { account, served, text: isChanged ? account.toText() : null }
    })
    const members = new Set(served.map(({ holder }) => holder.member))
    members.delete(member)
    if (members.size > 0) granted([...members])
    for (const { call } of known) this.#conclude(call.id, account, busy.get(call.id))
    this.#arm(account)
    // A call that was just sent away needs no wake-up.
    if (account.waiting === 0 && busy.size === 0) idle(name, account)
  }

  /** @param busyMs the call waits no longer, and may be made in this time, where it is known */
  #conclude(id: string, account: Account, busyMs: number | undefined): void {
    const held = account.held.get(id)
    // It was aborted meanwhile, and is about to be given back.
    if (!this.#waiting.has(id)) return
    if (held !== undefined) this.#settle(id, this.#toLease(held))
    else if (busyMs !== undefined) {
      const until = busyMs === 0 ? null : this.#options.clock.now() + busyMs
      this.#settle(id, { kind: 'busy', until })
    }
  }

  #toLease({ id, holder, project }: HeldCall): Lease {
    const { taskId } = holder
    const pool = this.#pools.get(project)
    const key = pool?.next() ?? null
    let tokens: number | null = null
    let isEnded = false
    const lease: Lease = {
      kind: 'lease',
      key,
      used: (reported) => (tokens = reported),
      end: (errorClass) => {
        if (isEnded) return false
        isEnded = true
        this.#open.remove(taskId, lease)
        this.change((account) => account.end(id, errorClass, tokens))
        return this.#isParked(errorClass, () => pool?.refuse(key))
      },
    }
    this.#open.add(taskId, lease)
    return lease
  }

  /** Whether a task whose call ended so is run again when there is room. */
  #isParked(errorClass: ErrorClass | null, refuse: () => void): boolean {
    if (this.limits.isOneProvider === false) return false
    if (!isKeyRefused(errorClass)) return errorClass?.kind === 'park'
    refuse()
    return this.keys.good > 0
  }

  /** Looks again when time lets the next call through. */
  #arm(account: Account): void {
    this.#disarm?.()
    this.#disarm = null
    const wait = account.waitOfFirst
    if (this.#isStopped || this.#waiting.size === 0 || wait === 0 || wait > PATIENCE_MS) return
    this.#disarm = this.#options.clock.after(wait, () => this.#serve())
  }
}
