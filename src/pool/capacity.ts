import { PRIORITIES, type Priority } from '../task/priority.ts'

export interface PlaceLimits {
  /** Reserved, waiting and scheduled tasks together, 0 or more. */
  readonly capacity: number
  /** The same of one caller; Infinity for no limit. */
  readonly maxQueuedPerCaller: number
}

/** Capacity of the queue, reserved for a task that is being admitted. Used up by `enqueue` or `release`. */
export interface Reservation {
  /** Waiting and reserved tasks that would start before this one, when the place was taken. */
  readonly tasksAhead: number
  readonly release: () => void
}

interface ReserveRequest {
  readonly priority: Priority
  readonly caller: string
  readonly tasksAhead: number
}

/** Capacity of the queue: reservations, and their callers. */
export class Capacity {
  capacity: number
  readonly #maxQueuedPerCaller: number
  readonly #reservedByPriority: number[] = PRIORITIES.map(() => 0)
  /** Callers of the tasks that wait for their first start; kept only where callers have a limit. */
  readonly #holders = new Map<string, string>()
  readonly #countByCaller = new Map<string, number>()
  #reserved = 0

  constructor({ capacity, maxQueuedPerCaller }: PlaceLimits) {
    this.capacity = capacity
    this.#maxQueuedPerCaller = maxQueuedPerCaller
  }

  get reserved(): number {
    return this.#reserved
  }

  /** Reserved places of a level and of those above it. */
  reservedAtOrAbove(priority: Priority): number {
    let count = 0
    for (let level: number = priority; level < PRIORITIES.length; level += 1) {
      count += this.#reservedByPriority[level] ?? 0
    }
    return count
  }

  isCallerFull(caller: string): boolean {
    if (this.#maxQueuedPerCaller === Infinity) return false
    return (this.#countByCaller.get(caller) ?? 0) >= this.#maxQueuedPerCaller
  }

  /** Counts a reservation. @param released called when it is released, once */
  reserve({ priority, caller, tasksAhead }: ReserveRequest, released: () => void): Reservation {
    this.#count(priority, caller, 1)
    let isHeld = true
    const release = () => {
      if (!isHeld) return
      isHeld = false
      this.#count(priority, caller, -1)
      released()
    }
    return { tasksAhead, release }
  }

  /** A task was put where it waits for its first start. */
  hold(id: string, caller: string): void {
    if (this.#maxQueuedPerCaller === Infinity || this.#holders.has(id)) return
    this.#holders.set(id, caller)
    this.#countCaller(caller, 1)
  }

  /** It starts, or waits no more. */
  leave(id: string): void {
    const caller = this.#holders.get(id)
    if (caller === undefined) return
    this.#holders.delete(id)
    this.#countCaller(caller, -1)
  }

  #count(priority: Priority, caller: string, change: 1 | -1): void {
    this.#reserved += change
    this.#reservedByPriority[priority] = (this.#reservedByPriority[priority] ?? 0) + change
    if (this.#maxQueuedPerCaller !== Infinity) this.#countCaller(caller, change)
  }

  #countCaller(caller: string, change: 1 | -1): void {
    const count = (this.#countByCaller.get(caller) ?? 0) + change
    if (count === 0) this.#countByCaller.delete(caller)
    else this.#countByCaller.set(caller, count)
  }
}
