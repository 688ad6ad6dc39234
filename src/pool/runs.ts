import { failpoint } from '../failpoints.ts'
import { CancelRequested, type AbortReason } from '../task/outcome.ts'
import type { Ticket } from '../task/ticket.ts'
import type { ConcurrencyGates } from './order/concurrency-gates.ts'
import type { PoolBounds, PoolDeps } from './pool-options.ts'
import { Guard } from './run-guard.ts'
import { StuckHandlers } from './stuck-handlers.ts'
import { Alarms } from './timers.ts'

export type RunsOptions = Pick<PoolBounds, 'graceMs' | 'maxStuck'> & Pick<PoolDeps, 'clock' | 'work'>

/** The runs that are under way, each with its guard, and the handlers that do not come to an end. */
export class Runs {
  readonly #options: RunsOptions
  readonly #gates: Pick<ConcurrencyGates, 'count'>
  readonly #guards = new Map<string, Guard>()
  readonly #timeouts: Alarms
  readonly #stuck: StuckHandlers

  constructor(options: RunsOptions, gates: Pick<ConcurrencyGates, 'count'>) {
    this.#options = options
    this.#gates = gates
    this.#timeouts = new Alarms(options.clock)
    this.#stuck = new StuckHandlers(options.maxStuck)
  }

  /** Slots in use, including those of unresponsive handlers. */
  get slotsInUse(): number {
    return this.#guards.size + this.#stuck.holding
  }

  /** Whether none is under way; handlers that were abandoned do not count. */
  get isQuiet(): boolean {
    return this.#guards.size === 0
  }

  /** Of the tasks. */
  get ids(): Iterable<string> {
    return this.#guards.keys()
  }

  get stuck(): number {
    return this.#stuck.count
  }

  get isAtStuckLimit(): boolean {
    return this.#stuck.isAtLimit
  }

  /** Begins a run: its outcome is with the guard, and `end` has to follow it. */
  begin(ticket: Ticket): Guard {
    const { graceMs, work } = this.#options
    this.#gates.count(ticket, 1)
    failpoint('dequeued')
    const guard = new Guard(
      (signal) => work(ticket, signal),
      { limitMs: ticket.timeoutMs, graceMs },
      this.#timeouts,
    )
    this.#guards.set(ticket.id, guard)
    return guard
  }

  /** The outcome of a run is decided. */
  end(ticket: Ticket): void {
    this.#guards.delete(ticket.id)
    this.#gates.count(ticket, -1)
  }

  /** Settles when the slot of a run that has ended is free: an abandoned handler may keep it. */
  async whenFree(guard: Guard): Promise<void> {
    if (guard.isAbandoned) await this.#stuck.admit(guard.finished)
  }

  /** Aborts a run; one that stops for another reason keeps that reason. */
  cancel(id: string): 'aborting' | 'stopping' | 'absent' {
    const guard = this.#guards.get(id)
    if (guard === undefined) return 'absent'
    if (guard.isDecided || guard.reason?.name === 'TimedOut') return 'stopping'
    guard.abort(new CancelRequested(), this.#options.graceMs)
    return 'aborting'
  }

  /** Aborts every run; each is abandoned after `graceMs`. */
  abortAll(reason: AbortReason, graceMs: number): void {
    for (const guard of this.#guards.values()) guard.abort(reason, graceMs)
  }
}
