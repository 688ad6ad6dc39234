import type { EventBus } from '../events/event-bus.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { QueueView } from './queue-view.ts'
import type { Clock } from '../time/clock.ts'
import { Ticker } from '../time/ticker.ts'

/** A watched task gets a position update at most this often. */
const POSITION_INTERVAL_MS = 2000

/** About what the place of one task costs, in tasks of a walk. */
const STEPS_PER_PLACE = 1024

export interface PositionsDeps {
  readonly pool: QueueView
  readonly bus: EventBus
  readonly estimator: WaitEstimator
  readonly clock: Clock
}

/** Publishes the position of watched waiting tasks, when it has changed. */
export class Positions {
  readonly #deps: PositionsDeps
  #sent = new Map<string, number>()
  readonly #ticker: Ticker

  constructor(deps: PositionsDeps) {
    this.#deps = deps
    this.#ticker = new Ticker(deps.clock, POSITION_INTERVAL_MS, () => this.#publishAll())
  }

  start(): void {
    this.#ticker.start()
  }

  stop(): void {
    this.#ticker.stop()
  }

  #publishAll(): void {
    const { pool, bus, estimator } = this.#deps
    const sent = new Map<string, number>()
    for (const [id, tasksAhead] of placesOf(bus.watchedTasks, pool)) {
      const hasMoved = this.#sent.has(id) && this.#sent.get(id) !== tasksAhead
      const wait = hasMoved ? estimator.waitAfter(tasksAhead) : null
      if (hasMoved) bus.publish({ type: 'position', taskId: id, ...pool.placeAfter(tasksAhead, wait) })
      sent.set(id, tasksAhead)
    }
    this.#sent = sent
  }
}

/** The places of those tasks that wait: one by one while they are few, by one walk where that is shorter. */
function* placesOf(ids: Iterable<string>, pool: QueueView): Generator<[id: string, tasksAhead: number]> {
  const waiting = new Set([...ids].filter((id) => pool.isWaiting(id)))
  if (waiting.size * STEPS_PER_PLACE < pool.waiting) {
    for (const id of waiting) yield [id, pool.tasksAhead(id) ?? 0]
    return
  }
  let tasksAhead = 0
  for (const { id } of waiting.size > 0 ? pool.waitingInOrder() : []) {
    if (waiting.delete(id)) yield [id, tasksAhead]
    if (waiting.size === 0) return
    tasksAhead += 1
  }
}
