import type { Clock } from '../time/clock.ts'
import { capDelayMs } from '../time/delay.ts'
import type { Priority } from '../task/priority.ts'
import type { Delay, Ticket } from '../task/ticket.ts'
import { Alarms } from './timers.ts'

/** Parked tasks per unit of capacity, where no setting defines it. */
export const PARKED_PER_PLACE = 10
/** A refusal looks at this many parked tasks. */
const MAX_LOOKED_AT = 256

interface Sleeper {
  readonly ticket: Ticket
  /** Its age in the queue. */
  readonly seq: number
}

/** Admitted tasks that may not start yet: their delay is not over, or they are parked. They hold no slot. */
export class DelayedTasks {
  readonly #sleepers = new Map<string, Sleeper>()
  readonly #alarms: Alarms
  readonly #clock: Clock
  readonly #due: (id: string) => void
  #scheduled = 0

  /** @param due called with the id of each due task; it stays here until it is taken */
  constructor(clock: Clock, due: (id: string) => void) {
    this.#clock = clock
    this.#alarms = new Alarms(clock)
    this.#due = due
  }

  /** Scheduled ones: they use capacity of the queue. */
  get scheduled(): number {
    return this.#scheduled
  }

  get size(): number {
    return this.#sleepers.size
  }

  /** Whether as many as this are parked; those whose delay is not over count as queued. */
  isOver(max: number): boolean {
    return this.size - this.#scheduled >= max
  }

  /** When the first of them is due, epoch ms, as far as the longest parked ones show; null: unknown. */
  get nextAt(): number | null {
    let next = Infinity
    let looked = 0
    for (const { ticket } of this.#sleepers.values()) {
      if (!isScheduled(ticket)) next = Math.min(next, ticket.delay?.until ?? Infinity)
      looked += 1
      if (looked === MAX_LOOKED_AT) break
    }
    return next === Infinity ? null : next
  }

  add(ticket: Ticket, seq: number): void {
    const { id, delay } = ticket
    this.#sleepers.set(id, { ticket, seq })
    if (isScheduled(ticket)) this.#scheduled += 1
    if (delay?.isTimed === true) this.#alarms.set(id, this.#dueAt(delay), () => this.#due(id))
  }

  /** When a task is due; a journal of before may hold a time that is none, or far away. */
  #dueAt({ kind, until: asked }: Delay): number {
    const now = this.#clock.now()
    const until = asked ?? now
    return kind === 'scheduled' ? until : now + (capDelayMs(until - now) ?? 0)
  }

  get(id: string): Sleeper | undefined {
    return this.#sleepers.get(id)
  }

  take(id: string): Sleeper | undefined {
    const sleeper = this.#sleepers.get(id)
    if (sleeper === undefined) return undefined
    this.#sleepers.delete(id)
    this.#alarms.clear(id)
    if (isScheduled(sleeper.ticket)) this.#scheduled -= 1
    return sleeper
  }

  /** Nothing is due any more. */
  stop(): void {
    this.#alarms.stop()
  }

  /** Moves a delayed task to another level; false: it is not here. */
  reprioritise(id: string, priority: Priority): boolean {
    const sleeper = this.#sleepers.get(id)
    if (sleeper === undefined) return false
    this.#sleepers.set(id, { ...sleeper, ticket: { ...sleeper.ticket, priority } })
    return true
  }
}

function isScheduled({ delay }: Ticket): boolean {
  return delay?.kind === 'scheduled'
}
