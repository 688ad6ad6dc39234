import type { EventBus } from '../events/event-bus.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Clock } from '../task/clock.ts'
import { placeAfter } from '../task/event.ts'

/** A watched task gets a position update at most this often. */
const POSITION_INTERVAL_MS = 2000

export interface PositionsDeps {
  readonly pool: WorkerPool
  readonly bus: EventBus
  readonly estimator: WaitEstimator
  readonly clock: Clock
}

/** Publishes the position of watched waiting tasks, when it has changed. */
export class Positions {
  readonly #deps: PositionsDeps
  #sent = new Map<string, number>()
  #takeBackTimer: (() => void) | null = null

  constructor(deps: PositionsDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#takeBackTimer ??= this.#deps.clock.after(POSITION_INTERVAL_MS, () => this.#tick())
  }

  stop(): void {
    this.#takeBackTimer?.()
    this.#takeBackTimer = null
  }

  #tick(): void {
    this.#takeBackTimer = null
    this.#tellAll()
    this.start()
  }

  /** One walk over the queue serves every watched task. */
  #tellAll(): void {
    const { pool, bus, estimator } = this.#deps
    const sent = new Map<string, number>()
    let remaining = bus.watchedTasks
    let tasksAhead = 0
    for (const { id } of remaining > 0 ? pool.waitingInOrder() : []) {
      if (bus.hasSubscribers(id)) {
        const hasMoved = this.#sent.has(id) && this.#sent.get(id) !== tasksAhead
        if (hasMoved)
          bus.publish({
            type: 'position',
            taskId: id,
            ...placeAfter(tasksAhead, estimator.waitAfter(tasksAhead)),
          })
        sent.set(id, tasksAhead)
        remaining -= 1
        if (remaining === 0) break
      }
      tasksAhead += 1
    }
    this.#sent = sent
  }
}
