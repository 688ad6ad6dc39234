import type { Logger } from 'pino'
import { formatLimits } from '../../resource/parse-limits.ts'
import type { ResourceControls, ResourcesOptions, ResourceView } from '../../resource/resources.ts'
import { HeadgateError } from '../../task/errors.ts'
import type { Clock } from '../../time/clock.ts'
import { Ticker } from '../../time/ticker.ts'
import type { Database } from '../database/database.ts'
import type { Publisher } from '../hints/publisher.ts'
import type { Tickets } from '../tickets.ts'
import type { Account } from './account.ts'
import { AccountStore, toRunKey, type WholeAccountRow } from './account-store.ts'
import { SharedResource } from './shared-resource.ts'

export interface ClusterResourcesOptions extends Pick<ResourcesOptions, 'limits' | 'keys'> {
  readonly db: Database
  readonly tickets: Tickets
  readonly publisher: Publisher
  /** Of this process. */
  readonly member: number
  /** The run of a task that runs here; undefined: it does not. */
  readonly runOf: (taskId: string) => number | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

/** What is shown is at most this old. */
const LOOK_MS = 1000
/** Parked tasks that are woken at once. */
const MAX_WOKEN = 32

/** The named limits that tasks of all processes draw from. */
export class ClusterResources implements ResourceControls {
  readonly #resources: ReadonlyMap<string, SharedResource>
  readonly #clock: Clock
  readonly #member: number
  readonly #store: AccountStore
  readonly #publisher: Publisher
  readonly #log: Logger
  readonly #ticker: Ticker
  readonly #waking = new Set<string>()
  #rows: ReadonlyMap<string, WholeAccountRow> = new Map()
  /** Epoch ms, by the clock of this process. */
  #readAt = 0
  /** Calls whose run was over at the last look; their end may be on its way. */
  #suspects: ReadonlySet<string> = new Set()
  #isLooking = false

  constructor({ limits, keys, db, tickets, publisher, ...options }: ClusterResourcesOptions) {
    this.#clock = options.clock
    this.#member = options.member
    const { log } = options
    this.#log = log
    this.#publisher = publisher
    this.#store = new AccountStore(db, tickets)
    this.#ticker = new Ticker(options.clock, LOOK_MS, () => void this.refresh())
    const shared = {
      ...options,
      store: this.#store,
      granted: (members: readonly number[]) => publisher.hasGrants(members),
      idle: (name: string, account: Account) => void this.#wakeParked(name, account),
      onError: (error: unknown) => log.warn({ err: error }, 'resources wait for the database'),
    }
    const create = (name: string, own: ResourcesOptions['limits']) =>
      new SharedResource({ ...shared, name, limits: own.get(name) ?? {}, keys: keys.get(name) ?? [] })
    this.#resources = new Map([...limits.keys()].map((name) => [name, create(name, limits)]))
  }

  /** @throws HeadgateError `unknown-resource` for an undeclared name. */
  find(name: string): SharedResource {
    const found = this.#resources.get(name)
    if (found === undefined) throw new HeadgateError('unknown-resource', `No resource is named "${name}".`)
    return found
  }

  has(name: string): boolean {
    return this.#resources.has(name)
  }

  /** The run of a task has ended: it holds nothing any more. */
  release(taskId: string): void {
    for (const resource of this.#resources.values()) resource.release(taskId)
  }

  /** Gives back what a process of the same name has held, and begins. */
  start(): void {
    if (this.#resources.size === 0) return
    for (const resource of this.#resources.values())
      resource.change((account) => account.releaseAllOf(this.#member))
    this.#ticker.start()
    void this.refresh()
  }

  /** Another process has granted something to calls of this one. */
  look(): void {
    for (const resource of this.#resources.values()) resource.look()
  }

  async whenWritten(): Promise<void> {
    await Promise.all([...this.#resources.values()].map((resource) => resource.whenWritten()))
  }

  stop(): void {
    this.#ticker.stop()
    for (const resource of this.#resources.values()) resource.stop()
  }

  view(): readonly ResourceView[] {
    return [...this.#resources].map(([name, resource]) => {
      const row = this.#rows.get(name) ?? { state: '', now: this.#clock.now(), parked: 0 }
      const account = resource.toAccount(row)
      const wait = account.waitFor({ weight: 1, tokens: 0 })
      return {
        name,
        limit: Number.isFinite(account.limit) ? account.limit : null,
        inUse: account.inFlight,
        sleeping: account.waiting + row.parked,
        openAt: wait === 0 ? null : this.#readAt + wait,
        keys: resource.keys,
        limits: formatLimits(resource.limits),
      }
    })
  }

  /** The state is in its rows, which are always up to date. */
  save(): null {
    return null
  }

  load(): void {}

  /** Reads what is shown, and gives back what runs hold that are over: their process was killed, or cut off. */
  async refresh(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      this.#rows = await this.#store.readAll()
      this.#readAt = this.#clock.now()
      await this.#releaseOrphans()
      for (const [name, resource] of this.#resources) {
        const row = this.#rows.get(name)
        if (row !== undefined) await this.#wakeParked(name, resource.toAccount(row))
      }
    } catch (error) {
      this.#log.debug({ err: error }, 'the resources could not be read')
    } finally {
      this.#isLooking = false
    }
  }

  async #wakeParked(name: string, account: Account): Promise<void> {
    const parked = this.#rows.get(name)?.parked ?? 0
    if (parked === 0 || account.waiting > 0 || this.#waking.has(name)) return
    const room = account.countRoom(MAX_WOKEN)
    if (room === 0) return
    this.#waking.add(name)
    // The database may be away: the next look finds them.
    if (await this.#store.wakeParked(name, room).catch(() => false)) this.#publisher.hasWork()
    this.#waking.delete(name)
  }

  async #releaseOrphans(): Promise<void> {
    const held = [...this.#resources].flatMap(([name, resource]) => {
      const row = this.#rows.get(name)
      return row === undefined
        ? []
        : [...resource.toAccount(row).held.values()].map((call) => ({ resource, call }))
    })
    const running = await this.#store.findRunning(held.map(({ call }) => call.holder))
    const orphans = held.filter(({ call }) => !running.has(toRunKey(call.holder)))
    for (const { resource, call } of orphans)
      if (this.#suspects.has(call.id)) resource.change((account) => account.release(call.id))
    this.#suspects = new Set(orphans.map(({ call }) => call.id))
  }
}
