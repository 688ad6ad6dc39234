import TinyQueue from 'tinyqueue'
import { MAX_TIMER_MS, type Clock } from '../time/clock.ts'
import type { Ticket } from '../task/ticket.ts'

interface Alarm {
  /** Monotonic, ms. */
  readonly at: number
  readonly id: string
  readonly ring: () => void
  isOff: boolean
}

/** Dead entries of the heap are cleared out when there are more of them than this, and than live ones. */
const MAX_OFF = 1024

export function isOverdue({ startDeadlineAt }: Ticket, clock: Clock): boolean {
  return startDeadlineAt !== null && clock.now() > startDeadlineAt
}

/** Any number of alarms, one for each id, over one timer. An instant of the wall clock is read once, when it is set. */
export class Alarms {
  readonly #clock: Clock
  readonly #byId = new Map<string, Alarm>()
  #heap = new TinyQueue<Alarm>([], (a, b) => a.at - b.at)
  #armedFor = Infinity
  #isStopped = false
  #disarm: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#byId.size
  }

  /** Rings once at the instant `at`, epoch ms, or in the next turn of the timer when that is over. */
  set(id: string, at: number, ring: () => void): void {
    this.clear(id)
    const ms = Math.max(0, at - this.#clock.now())
    const alarm = { at: this.#clock.monotonic() + ms, id, ring, isOff: false }
    this.#byId.set(id, alarm)
    this.#heap.push(alarm)
    if (alarm.at < this.#armedFor) this.#arm(alarm.at)
  }

  clear(id: string): void {
    const alarm = this.#byId.get(id)
    if (alarm === undefined) return
    alarm.isOff = true
    this.#byId.delete(id)
    if (this.#heap.length > MAX_OFF && this.#heap.length > 2 * this.#byId.size) {
      this.#heap = new TinyQueue([...this.#byId.values()], (a, b) => a.at - b.at)
    }
  }

  /** Nothing rings any more. */
  stop(): void {
    this.#disarm?.()
    this.#isStopped = true
  }

  #arm(at: number): void {
    if (this.#isStopped) return
    this.#disarm?.()
    this.#armedFor = at
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(at - this.#clock.monotonic())))
    this.#disarm = this.#clock.after(ms, () => this.#fire())
  }

  #fire(): void {
    this.#disarm = null
    this.#armedFor = Infinity
    const now = this.#clock.monotonic()
    for (let next = this.#heap.peek(); next !== undefined; next = this.#heap.peek()) {
      if (!next.isOff && next.at > now) break
      this.#heap.pop()
      if (next.isOff) continue
      this.#byId.delete(next.id)
      next.ring()
    }
    const earliest = this.#heap.peek()
    if (earliest !== undefined && earliest.at < this.#armedFor) this.#arm(earliest.at)
  }
}

export interface Deadline {
  /** Monotonic, ms. */
  readonly at: number
  readonly passed: () => void
}

/**
 * Many deadlines over one timer: setting and clearing one costs no timer of its own unless it is the
 * earliest. There are few at a time (one or two for each running task), so a look over all of them is cheap.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #open = new Set<Deadline>()
  #armedFor = Infinity
  #disarm: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(ms: number, passed: () => void): Deadline {
    const deadline = { at: this.#clock.monotonic() + ms, passed }
    this.#open.add(deadline)
    if (deadline.at < this.#armedFor) this.#arm(deadline.at)
    return deadline
  }

  /** The timer stays armed: it finds nothing due and goes to the next. */
  clear(deadline: Deadline): void {
    this.#open.delete(deadline)
  }

  #arm(at: number): void {
    this.#disarm?.()
    this.#armedFor = at
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, at - this.#clock.monotonic()))
    this.#disarm = this.#clock.after(ms, () => this.#fire())
  }

  #fire(): void {
    this.#disarm = null
    this.#armedFor = Infinity
    const now = this.#clock.monotonic()
    for (const deadline of this.#open) {
      // One that passed may have cleared another.
      if (deadline.at > now || !this.#open.delete(deadline)) continue
      deadline.passed()
    }
    let earliest = Infinity
    for (const { at } of this.#open) earliest = Math.min(earliest, at)
    if (earliest < this.#armedFor) this.#arm(earliest)
  }
}
