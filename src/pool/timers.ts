import TinyQueue from 'tinyqueue'
import { MAX_TIMER_MS, type Clock } from '../time/clock.ts'

/** Something that is to happen once. */
export interface Alarm {
  /** Monotonic, ms. */
  readonly at: number
  /** Null once it is over: what it refers to, such as the result of a run, would be kept until the heap is cleared. */
  ring: (() => void) | null
  /** It has rung, or was cancelled. */
  isOver: boolean
}

/** Entries of the heap that are over are cleared out when there are more of them than this, and than others. */
const MAX_OVER = 1024

/**
 * Any number of alarms over one timer: setting and cancelling one costs no timer of its own unless it is the earliest.
 * An instant of the wall clock is read once, when the alarm is set.
 */
export class Alarms {
  readonly #clock: Clock
  readonly #byId = new Map<string, Alarm>()
  #heap = new TinyQueue<Alarm>([], (a, b) => a.at - b.at)
  #pending = 0
  #armedFor = Infinity
  #isStopped = false
  #disarm: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Rings once after this time. */
  after(ms: number, ring: () => void): Alarm {
    const alarm = { at: this.#clock.monotonic() + ms, ring, isOver: false }
    this.#heap.push(alarm)
    this.#pending += 1
    if (alarm.at < this.#armedFor) this.#arm(alarm.at)
    return alarm
  }

  /** The timer stays armed: it finds nothing due and goes to the next. */
  cancel(alarm: Alarm): void {
    if (alarm.isOver) return
    this.#end(alarm)
    if (this.#heap.length > MAX_OVER && this.#heap.length > 2 * this.#pending) {
      this.#heap = new TinyQueue(
        this.#heap.data.filter(({ isOver }) => !isOver),
        (a, b) => a.at - b.at,
      )
    }
  }

  /** Rings once at the instant `at`, epoch ms, or in the next turn of the timer when that is over; one for each id. */
  set(id: string, at: number, ring: () => void): void {
    this.clear(id)
    const alarm = this.after(Math.max(0, at - this.#clock.now()), () => {
      this.#byId.delete(id)
      ring()
    })
    this.#byId.set(id, alarm)
  }

  clear(id: string): void {
    const alarm = this.#byId.get(id)
    if (alarm === undefined) return
    this.#byId.delete(id)
    this.cancel(alarm)
  }

  /** Nothing rings any more. */
  stop(): void {
    this.#disarm?.()
    this.#isStopped = true
  }

  #end(alarm: Alarm): void {
    alarm.isOver = true
    alarm.ring = null
    this.#pending -= 1
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
      if (!next.isOver && next.at > now) break
      this.#heap.pop()
      if (next.isOver) continue
      const { ring } = next
      this.#end(next)
      ring?.()
    }
    const earliest = this.#heap.peek()
    if (earliest !== undefined && earliest.at < this.#armedFor) this.#arm(earliest.at)
  }
}
