import type { Ticket } from '../task/ticket.ts'
import type { Clock } from '../time/clock.ts'
import type { Capacity } from './capacity.ts'
import { Alarms } from './timers.ts'

/** Tasks that wait for their first start: each holds a place of its caller, and may have to start in time. */
export class FirstStarts {
  readonly #places: Capacity
  readonly #clock: Clock
  readonly #deadlines: Alarms

  constructor(places: Capacity, clock: Clock) {
    this.#places = places
    this.#clock = clock
    this.#deadlines = new Alarms(clock)
  }

  /** @param missed called when its start deadline passes */
  add({ id, caller, startDeadlineAt }: Ticket, missed: () => unknown): void {
    this.#places.hold(id, caller)
    if (startDeadlineAt !== null) this.#deadlines.set(id, startDeadlineAt, missed)
  }

  /** It starts, or waits no more. */
  remove({ id, startDeadlineAt }: Ticket): void {
    this.#places.leave(id)
    if (startDeadlineAt !== null) this.#deadlines.clear(id)
  }

  /** Whether it may start no more; its alarm may be late, as after a pause of the process. */
  isOverdue({ hasRun, startDeadlineAt }: Ticket): boolean {
    return !hasRun && startDeadlineAt !== null && this.#clock.now() > startDeadlineAt
  }

  stop(): void {
    this.#deadlines.stop()
  }
}
