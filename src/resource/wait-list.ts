import type { Cost } from '../task/resource.ts'
import type { Priority } from '../task/priority.ts'

/** A task that is parked until a resource has room for it. */
export interface Waiter {
  readonly taskId: string
  readonly ask: Cost
  readonly priority: Priority
}

const ONE: Cost = { weight: 1, tokens: 0 }
/** Room is kept this long for a woken task: it may have to wait for a slot first. */
const EXPECTED_MS = 5000

/** Tasks that wait for a resource without room: parked ones, and woken ones that have not acquired yet. */
export class WaitList {
  readonly #sleeping = new Map<string, Waiter & { readonly turn: number }>()
  /** Runs that are ending for lack of room; their tasks will be parked. */
  readonly #leaving = new Map<string, { readonly ask: Cost; readonly turn: number }>()
  /** Woken at this time (monotonic, ms); one that is parked again keeps its turn. */
  readonly #expected = new Map<
    string,
    { readonly ask: Cost; readonly since: number; readonly turn: number }
  >()
  #turns = 0

  get sleeping(): number {
    return this.#sleeping.size
  }

  /** Its run is ending: it will need this much. */
  leave(taskId: string, ask: Cost): void {
    this.#turns += 1
    const turn = this.#expected.get(taskId)?.turn ?? this.#turns
    this.#expected.delete(taskId)
    this.#leaving.set(taskId, { ask, turn })
  }

  /** Its run has ended, and it is parked. */
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

  /** It has acquired. A late call of a run that has ended wakes no task: its task stays parked. */
  arrived(taskId: string): void {
    this.#leaving.delete(taskId)
    this.#expected.delete(taskId)
  }

  reprioritise(taskId: string, priority: Priority): void {
    const sleeper = this.#sleeping.get(taskId)
    if (sleeper !== undefined) this.#sleeping.set(taskId, { ...sleeper, priority })
  }

  /** The first waiter: of the highest level the one that waits longest. */
  first(): Waiter | undefined {
    let first: (Waiter & { readonly turn: number }) | undefined
    for (const sleeper of this.#sleeping.values()) {
      const lead = first === undefined ? 1 : sleeper.priority - first.priority || first.turn - sleeper.turn
      if (lead > 0) first = sleeper
    }
    return first
  }

  /** Reports that it was woken: room is kept for it for a while. */
  wake({ taskId, ask }: Waiter, now: number): void {
    const turn = this.#sleeping.get(taskId)?.turn ?? 0
    this.#sleeping.delete(taskId)
    this.#expected.set(taskId, { ask, since: now, turn })
  }

  /** When room is no longer kept for a woken task, monotonic ms; Infinity: it is kept for none. */
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
