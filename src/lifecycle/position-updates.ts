import type { Feed } from '../events/event-bus.ts'
import type { Outlook } from '../forecast/wait-estimator.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Clock } from '../task/clock.ts'
import { placeAfter } from '../task/event.ts'

/** A watched task hears of its place at most this often. */
const POSITION_INTERVAL_MS = 2000

export interface PositionsParts {
  readonly pool: WorkerPool
  readonly feed: Feed
  readonly outlook: Outlook
  readonly clock: Clock
}

/** Tells whoever watches a waiting task where it stands, when that has changed. */
export class Positions {
  readonly #parts: PositionsParts
  #told = new Map<string, number>()
  #takeBackTimer: (() => void) | null = null

  constructor(parts: PositionsParts) {
    this.#parts = parts
  }

  start(): void {
    this.#takeBackTimer ??= this.#parts.clock.after(POSITION_INTERVAL_MS, () => this.#tick())
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

  /** One walk over the waiting room serves every watched task. */
  #tellAll(): void {
    const { pool, feed, outlook } = this.#parts
    const told = new Map<string, number>()
    let remaining = feed.watchedTasks
    let tasksAhead = 0
    for (const { id } of remaining > 0 ? pool.waitingInOrder() : []) {
      if (feed.hasSubscribers(id)) {
        const isNews = this.#told.has(id) && this.#told.get(id) !== tasksAhead
        if (isNews)
          feed.publish({
            type: 'position',
            taskId: id,
            ...placeAfter(tasksAhead, outlook.waitAfter(tasksAhead)),
          })
        told.set(id, tasksAhead)
        remaining -= 1
        if (remaining === 0) break
      }
      tasksAhead += 1
    }
    this.#told = told
  }
}
