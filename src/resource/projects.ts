import type { Cost, ResourceLimits } from '../task/resource.ts'
import type { ErrorClass } from '../task/error-class.ts'
import type { ProjectKey } from './key-pool.ts'
import { ProjectLimits, type Grant, type Project, type SavedProjectLimits } from './project-limits.ts'

/** Keys by their project; without keys there is one project of no name. */
export function toProjects(keys: readonly ProjectKey[]): readonly Project[] {
  if (keys.length === 0) return [{ project: '', keys: [] }]
  const byProject = Map.groupBy(keys, ({ project }) => project)
  return [...byProject].map(([project, own]) => ({ project, keys: own.map(({ key }) => key) }))
}

interface Moment {
  /** ms; the same clock in all calls. */
  readonly now: number
  /** Units that are kept for others. */
  readonly kept: number
}

/** The limits of each project of one resource: which one takes a call, and what it learns from its end. It has no timers. */
export class Projects {
  readonly #all: readonly ProjectLimits[]

  constructor(projects: readonly Project[], limits: ResourceLimits, random: () => number) {
    this.#all = projects.map((each) => new ProjectLimits(each, limits, random))
  }

  /** Units that may be in flight now; Infinity: no limit. */
  get limit(): number {
    return this.#all.reduce((sum, { limit, keys }) => sum + (keys.isUsedUp ? 0 : limit), 0)
  }

  get inFlight(): number {
    return this.#all.reduce((sum, { inFlight }) => sum + inFlight, 0)
  }

  get keys(): { readonly good: number; readonly projects: number } {
    const good = this.#all.reduce((sum, { keys }) => sum + keys.good, 0)
    return { good, projects: this.#all.length }
  }

  /** Whether all keys of all projects were refused. */
  get isUsedUp(): boolean {
    return this.#all.every(({ keys }) => keys.isUsedUp)
  }

  named(name: string): ProjectLimits | undefined {
    return this.#all.find(({ project }) => project === name)
  }

  /** Whether a call so large could ever be made, keys aside. */
  isPossible(ask: Cost): boolean {
    return this.#all.some((each) => each.isPossible(ask))
  }

  /** Whether a project with a key could ever make this call. */
  canServe(ask: Cost): boolean {
    return this.#ableFor(ask).length > 0
  }

  /** The project with most room that can take the call now. */
  find(
    ask: Cost,
    { now, kept }: Moment,
    isUsable: (project: string) => boolean = () => true,
  ): ProjectLimits | undefined {
    let best: ProjectLimits | undefined
    for (const each of this.#ableFor(ask)) {
      if (!isUsable(each.project) || each.waitFor(ask, now) > 0 || !each.hasRoom(ask, kept)) continue
      if (best === undefined || each.limit - each.inFlight > best.limit - best.inFlight) best = each
    }
    return best
  }

  /** ms until time alone lets a call through, of the project that is first. */
  waitFor(ask: Cost, now: number): number {
    const able = this.#ableFor(ask)
    return able.length === 0 ? 0 : Math.min(...able.map((each) => each.waitFor(ask, now)))
  }

  resize(limits: ResourceLimits): void {
    for (const each of this.#all) each.resize(limits)
  }

  save(now: number, wall: number): readonly SavedProjectLimits[] {
    return this.#all.map((each) => each.save(now, wall))
  }

  restore(
    saved: readonly SavedProjectLimits[],
    times: { readonly now: number; readonly wall: number; readonly idleMs: number },
  ): void {
    for (const each of this.#all) {
      const known = saved.find(({ project }) => project === each.project)
      if (known !== undefined) each.restore(known, times)
    }
  }

  #ableFor(ask: Cost): readonly ProjectLimits[] {
    return this.#all.filter((each) => !each.keys.isUsedUp && each.isPossible(ask))
  }
}

interface EndedCall {
  readonly grant: Grant
  /** How it failed; null: it did not. */
  readonly errorClass: ErrorClass | null
  /** Whether its calls go to one provider. */
  readonly isOneProvider: boolean
}

/** Learns from a call that has ended. */
export function learn(project: ProjectLimits, ended: EndedCall, now: number): void {
  const { grant, errorClass } = ended
  if (errorClass === null) project.succeeded(grant)
  else if (errorClass.kind === 'park' && ended.isOneProvider) {
    project.overloaded(grant, { kind: errorClass.limit, afterMs: errorClass.afterMs }, now)
  }
}

/** Whether the provider did not take the key of a call that ended so. */
export function isKeyRefused(errorClass: ErrorClass | null): boolean {
  return errorClass?.kind === 'end' && errorClass.why !== 'other'
}
