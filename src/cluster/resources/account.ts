import type { Grant, SavedProjectLimits } from '../../resource/project-limits.ts'
import { learn, Projects } from '../../resource/projects.ts'
import type { Cost, ResourceLimits } from '../../task/resource.ts'
import type { ErrorClass } from '../../task/error-class.ts'
import type { Priority } from '../../task/priority.ts'

/** The run that a call belongs to. */
export interface Holder {
  readonly member: number
  readonly taskId: string
  readonly run: number
}

/** A call that waits for room. */
export interface WaitingCall {
  readonly id: string
  readonly holder: Holder
  readonly priority: Priority
  readonly ask: Cost
  /** Those whose keys its process has. */
  readonly projects: readonly string[]
}

/** A call that may be made, or is under way. */
export interface HeldCall {
  readonly id: string
  readonly holder: Holder
  readonly project: string
  readonly grant: Grant
}

/** What is kept of a resource. No secret is in it. Instants are epoch ms of the database. */
export interface SavedAccount {
  readonly at: number
  readonly projects: readonly SavedProjectLimits[]
  readonly held: readonly HeldCall[]
  readonly waiting: readonly (WaitingCall & { readonly askedAt: number })[]
  /** What the last task asked for that was parked. */
  readonly parked: Cost
}

export interface AccountOptions {
  readonly limits: ResourceLimits
  readonly projects: readonly string[]
  /** 0 to 1. */
  readonly random: () => number
  /** Of the database, epoch ms. */
  readonly now: number
}

const ONE: Cost = { weight: 1, tokens: 0 }
/** A process waits for a second; one whose call waits for longer is gone, and nothing is kept for it. */
const FORGOTTEN_MS = 5000

/** The text of a resource that nobody calls now. */
export function toAccountText({ at, projects }: Pick<SavedAccount, 'at' | 'projects'>): string {
  return JSON.stringify({ at, projects, held: [], waiting: [], parked: ONE } satisfies SavedAccount)
}

/** What a project has drawn as it is seen some time later: what has left its window counts no more. */
export function toOlder(project: SavedProjectLimits, ms: number): SavedProjectLimits {
  const windows = project.windows.map((window) => ({
    ...window,
    spent: window.spent
      .map(([age, ...rest]) => [age + ms, ...rest] as const)
      .filter(([age]) => age < window.windowMs),
  }))
  return { ...project, windows }
}

/** A resource as all processes share it: restored from its row, changed, and saved, while the row is locked. */
export class Account {
  readonly #limits: ResourceLimits
  readonly #projects: Projects
  /** Of projects that only other processes know. */
  readonly #others: readonly SavedProjectLimits[]
  /** The clock of the database, which never goes back here. */
  readonly #now: number
  readonly #held: Map<string, HeldCall>
  readonly #waiting: Map<string, WaitingCall & { readonly askedAt: number }>
  #parked: Cost

  /** @param text as {@link toText} has made it; empty: nothing was ever drawn */
  constructor(text: string, { limits, projects, random, now }: AccountOptions) {
    const saved = text === '' ? null : (JSON.parse(text) as SavedAccount)
    this.#limits = limits
    this.#now = Math.max(now, saved?.at ?? now)
    // Keys are used where they are known.
    const bare = projects.map((project) => ({ project, keys: [] }))
    this.#projects = new Projects(bare, limits, random)
    const times = { now: this.#now, wall: this.#now, idleMs: this.#now - (saved?.at ?? now) }
    this.#projects.restore(saved?.projects ?? [], times)
    const others = saved?.projects.filter(({ project }) => !projects.includes(project)) ?? []
    this.#others = others.map((each) => toOlder(each, times.idleMs))
    this.#held = new Map(saved?.held.map((call) => [call.id, call]))
    this.#waiting = new Map(saved?.waiting.map((call) => [call.id, call]))
    this.#parked = saved?.parked ?? ONE
    for (const { project, grant } of this.#held.values()) this.#projects.named(project)?.hold(grant)
  }

  get limit(): number {
    return this.#projects.limit
  }

  get inFlight(): number {
    return this.#projects.inFlight
  }

  get held(): ReadonlyMap<string, HeldCall> {
    return this.#held
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** ms until time alone lets a call through; 0: now, unless others have to end first. */
  waitFor(ask: Cost): number {
    return this.#projects.waitFor(ask, this.#now)
  }

  /** Ids of the calls that wait, the next one first. */
  get order(): readonly string[] {
    return this.#inOrder().map(({ id }) => id)
  }

  /** Of the call that is first: as {@link waitFor}. */
  get waitOfFirst(): number {
    const first = this.#inOrder()[0]
    return first === undefined ? 0 : this.waitFor(first.ask)
  }

  /** A call that is known already, since the reply to its transaction was lost, changes nothing. */
  ask(call: WaitingCall): void {
    if (this.#held.has(call.id) || this.#waiting.has(call.id)) return
    this.#waiting.set(call.id, { ...call, askedAt: this.#now })
  }

  /** A call waits no longer: its task is parked. */
  leave(id: string): void {
    this.#parked = this.#waiting.get(id)?.ask ?? this.#parked
    this.#waiting.delete(id)
  }

  /** A call has ended; `tokens` as last reported. */
  end(id: string, errorClass: ErrorClass | null, tokens: number | null): void {
    const call = this.#held.get(id)
    const project = call === undefined ? undefined : this.#projects.named(call.project)
    this.#held.delete(id)
    if (call === undefined || project === undefined) return
    if (tokens !== null) project.correct(call.grant, tokens)
    project.giveBack(call.grant)
    const isOneProvider = this.#limits.isOneProvider !== false
    learn(project, { grant: call.grant, errorClass, isOneProvider }, this.#now)
  }

  /** The process or run that made this call is gone: nothing is known of how it ended. */
  release(id: string): void {
    const call = this.#held.get(id)
    this.#waiting.delete(id)
    this.#held.delete(id)
    if (call !== undefined) this.#projects.named(call.project)?.giveBack(call.grant)
  }

  /** A process has begun anew: what it held before is free. */
  releaseAllOf(member: number): void {
    for (const { id, holder } of [...this.#held.values(), ...this.#waiting.values()])
      if (holder.member === member) this.release(id)
  }

  /** Grants what there is room for, in the order of priority, then age; the reply is what was granted. */
  serve(): readonly HeldCall[] {
    const granted: HeldCall[] = []
    for (const call of this.#inOrder()) {
      if (call.askedAt + FORGOTTEN_MS < this.#now) this.#waiting.delete(call.id)
      else if (this.#projects.isPossible(call.ask)) {
        const held = this.#draw(call)
        if (held === null) break
        granted.push(held)
      }
    }
    return granted
  }

  /**
   * Calls of parked tasks that could be made now, up to `most`, each as large as that of the last one. They are drawn by
   * it: this state is not to be saved any more.
   */
  countRoom(most: number): number {
    const ask = this.#projects.isPossible(this.#parked) ? this.#parked : ONE
    for (let count = 0; count < most; count += 1) {
      const project = this.#projects.find(ask, { now: this.#now, kept: 0 })
      if (project === undefined) return count
      project.draw(ask, this.#now)
    }
    return most
  }

  toText(): string {
    return JSON.stringify({
      at: this.#now,
      projects: [...this.#projects.save(this.#now, this.#now), ...this.#others],
      held: [...this.#held.values()],
      waiting: [...this.#waiting.values()],
      parked: this.#parked,
    } satisfies SavedAccount)
  }

  #draw({ id, holder, ask, projects }: WaitingCall): HeldCall | null {
    const isUsable = (name: string) => projects.includes(name)
    const project = this.#projects.find(ask, { now: this.#now, kept: 0 }, isUsable)
    if (project === undefined) return null
    const held = { id, holder, project: project.project, grant: project.draw(ask, this.#now) }
    this.#waiting.delete(id)
    this.#held.set(id, held)
    return held
  }

  /** Ids of tasks rise with their age. */
  #inOrder() {
    return [...this.#waiting.values()].toSorted(
      (a, b) => b.priority - a.priority || compare(a.holder.taskId, b.holder.taskId),
    )
  }
}

function compare(a: string, b: string): number {
  return Number(a > b) - Number(a < b)
}
