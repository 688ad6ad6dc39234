import type { Logger } from 'pino'
import type { Clock } from '../time/clock.ts'
import { HeadgateError } from '../task/errors.ts'
import type { ResourceLimits } from '../task/resource.ts'
import type { Priority } from '../task/priority.ts'
import type { SavedProjectLimits } from './project-limits.ts'
import type { ProjectKey } from './key-pool.ts'
import { formatLimits } from './parse-limits.ts'
import { Resource } from './resource.ts'

export interface ResourcesOptions {
  /** Limits of every resource, by its name. */
  readonly limits: ReadonlyMap<string, ResourceLimits>
  readonly keys: ReadonlyMap<string, readonly ProjectKey[]>
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
  /** A parked task may run. */
  readonly wake: (taskId: string) => void
  /** Whether it makes sense to start tasks that need a resource. */
  readonly opened: (name: string, isOpen: boolean) => void
}

/** The state of a resource, for monitoring. */
export interface ResourceView {
  readonly name: string
  /** Units that may be in flight; null: no limit. */
  readonly limit: number | null
  readonly inUse: number
  readonly sleeping: number
  /** When the next call may be made, epoch ms; null: nothing but calls in flight holds it back. */
  readonly openAt: number | null
  readonly keys: { readonly good: number; readonly projects: number }
  /** In the words of the setting. */
  readonly limits: string
}

/** What monitoring, operators and the notes need of resources, in one process or over all. */
export interface ResourceControls {
  has(name: string): boolean
  /** @throws HeadgateError `unknown-resource` for an undeclared name. */
  find(name: string): Pick<Resource, 'limits' | 'resize'>
  view(): readonly ResourceView[]
  save(): string | null
  load(text: string): void
}

/** What a later process has to know of all resources, with the time of it, epoch ms. */
export interface SavedResources {
  readonly at: number
  readonly accounts: Readonly<Record<string, readonly SavedProjectLimits[]>>
}

/** The named limits that tasks draw from. */
export class Resources implements ResourceControls {
  readonly #resources: ReadonlyMap<string, Resource>
  readonly #clock: Clock
  #savedChanges = 0

  constructor(options: ResourcesOptions) {
    const { limits, keys, clock, random, log, wake, opened } = options
    this.#clock = clock
    const made = [...limits].map(([name, own]) => {
      const isOpened = (isOpen: boolean) => {
        log.info({ resource: name, isOpen }, isOpen ? 'resource available' : 'resource exhausted')
        opened(name, isOpen)
      }
      const given = { name, limits: own, keys: keys.get(name) ?? [], clock, random, wake, opened: isOpened }
      return [name, new Resource(given)] as const
    })
    this.#resources = new Map(made)
  }

  /** @throws HeadgateError `unknown-resource` for an undeclared name. */
  find(name: string): Resource {
    const found = this.#resources.get(name)
    if (found === undefined) throw new HeadgateError('unknown-resource', `No resource is named "${name}".`)
    return found
  }

  has(name: string): boolean {
    return this.#resources.has(name)
  }

  /** A task is parked until a resource has room for it; false: the resource is not declared any more. */
  sleep(name: string, taskId: string, priority: Priority): boolean {
    this.#resources.get(name)?.sleep(taskId, priority)
    return this.#resources.has(name)
  }

  /** The run of a task has ended: it holds nothing any more, and wants nothing but, perhaps, the one that it waits for. */
  forget(taskId: string, but: string | null): void {
    for (const [name, resource] of this.#resources) {
      resource.release(taskId)
      if (name !== but) resource.forget(taskId)
    }
  }

  reprioritise(taskId: string, priority: Priority): void {
    for (const resource of this.#resources.values()) resource.reprioritise(taskId, priority)
  }

  view(): readonly ResourceView[] {
    return [...this.#resources].map(([name, resource]) => ({
      name,
      limit: Number.isFinite(resource.limit) ? resource.limit : null,
      inUse: resource.inFlight,
      sleeping: resource.sleeping,
      openAt: resource.openAt,
      keys: resource.keys,
      limits: formatLimits(resource.limits),
    }))
  }

  /**
   * What a later process has to know of quotas that were drawn and times to wait for; no secret is in it. Null:
   * nothing has changed since it was asked last.
   */
  save(): string | null {
    const changes = [...this.#resources.values()].reduce((sum, each) => sum + each.changes, 0)
    if (changes === this.#savedChanges) return null
    this.#savedChanges = changes
    const accounts = Object.fromEntries([...this.#resources].map(([name, each]) => [name, each.save()]))
    return JSON.stringify({ at: this.#clock.now(), accounts } satisfies SavedResources)
  }

  load(text: string): void {
    const { at, accounts } = JSON.parse(text) as SavedResources
    const idleMs = Math.max(0, this.#clock.now() - at)
    for (const [name, resource] of this.#resources) resource.load(accounts[name] ?? [], idleMs)
  }

  stop(): void {
    for (const resource of this.#resources.values()) resource.stop()
  }
}
