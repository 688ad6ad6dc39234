import type { Cost } from '../task/resource.ts'
import type { Priority } from '../task/priority.ts'

/** A task that sleeps until a resource has room for it. */
export interface Waiter {
  readonly taskId: string
  readonly ask: Cost
  readonly priority: Priority
}

const ONE: Cost = { weight: 1, tokens: 0 }
/** A task that was told to go on is waited for this long: it may have to wait for a slot first. */
const EXPECTED_MS = 5000

/** Who wants a resource that has no room: tasks that sleep, and those that were woken and are on their way. */
export class WaitList {
  readonly #sleeping = new Map<string, Waiter & { readonly turn: number }>()
  /** Runs that have been told to end for want of room; their tasks will sleep. */
  readonly #leaving = new Map<string, { readonly ask: Cost; readonly turn: number }>()
  /** Woken at this time (monotonic, ms); one that has to sleep again keeps its turn. */
  readonly #expected = new Map<
    string,
    { readonly ask: Cost; readonly since: number; readonly turn: number }
  >()
  #turns = 0

  get sleeping(): number {
    return this.#sleeping.size
  }

  /** Its run is told to end: it will want so much. */
  leave(taskId: string, ask: Cost): void {
    this.#turns += 1
    const turn = this.#expected.get(taskId)?.turn ?? this.#turns
    this.#expected.delete(taskId)
    this.#leaving.set(taskId, { ask, turn })
  }

  /** Its run has ended, and it sleeps. */
  sleep(taskId: string, priority: Priority): void {
    this.#turns += 1
    const { ask, turn } = this.#leaving.get(taskId) ?? { ask: ONE, turn: this.#turns }
    this.#leaving.delete(taskId)
    this.#sleeping.set(taskId, { taskId, ask, priority, turn })
  }

  /** It came, or does not come any more; false: it was not waited for. */
  remove(taskId: string): boolean {
    const wasLeaving = this.#leaving.delete(taskId)
    const wasSleeping = this.#sleeping.delete(taskId)
    return this.#expected.delete(taskId) || wasSleeping || wasLeaving
  }

  /** It has drawn. A call that is left over from a run that has ended wakes nobody: its task sleeps on. */
  arrived(taskId: string): void {
    this.#leaving.delete(taskId)
    this.#expected.delete(taskId)
  }

  reprioritise(taskId: string, priority: Priority): void {
    const sleeper = this.#sleeping.get(taskId)
    if (sleeper !== undefined) this.#sleeping.set(taskId, { ...sleeper, priority })
  }

  /** The sleeper that is first: of the highest level the one that sleeps longest. */
  first(): Waiter | undefined {
    let first: (Waiter & { readonly turn: number }) | undefined
    for (const sleeper of this.#sleeping.values()) {
      const lead = first === undefined ? 1 : sleeper.priority - first.priority || first.turn - sleeper.turn
      if (lead > 0) first = sleeper
    }
    return first
  }

  /** Tells that it was woken: room is kept for it for a while. */
  wake({ taskId, ask }: Waiter, now: number): void {
    const turn = this.#sleeping.get(taskId)?.turn ?? 0
    this.#sleeping.delete(taskId)
    this.#expected.set(taskId, { ask, since: now, turn })
  }

  /** When room is no longer kept for somebody on the way, monotonic ms; Infinity: it is kept for nobody. */
  nextGivenUpAt(now: number): number {
    let next = Infinity
    for (const { since } of this.#expected.values()) {
      if (since + EXPECTED_MS >= now) next = Math.min(next, since + EXPECTED_MS + 1)
    }
    return next
  }

  /** Whether it was woken, and room is kept for it. */
  isExpected(taskId: string): boolean {
    return this.#expected.has(taskId)
  }

  /** Units that are kept for tasks on their way, but for this one. */
  expectedWeight(now: number, but: string | null): number {
    let sum = 0
    for (const [taskId, { ask, since }] of this.#expected) {
      if (taskId !== but && now - since <= EXPECTED_MS) sum += ask.weight
    }
    return sum
  }
}
