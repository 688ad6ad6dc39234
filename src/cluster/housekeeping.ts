import type { Logger } from 'pino'
import { toExpired } from '../lifecycle/settlement.ts'
import type { Clock } from '../time/clock.ts'
import { Ticker } from '../time/ticker.ts'
import type { Database } from './database/database.ts'
import { forgetTurns } from './admission/turns.ts'
import { refreshStatistics } from './database/statistics.ts'
import { vacuumTickets } from './database/vacuum.ts'
import { foldCounters } from './journal/counters.ts'
import type { TaskChanges } from './task-changes.ts'

const EVERY_MS = 1000
/** Rounds from one time that counters are added up to the next. */
const FOLDED_EVERY = 60
/** Until tables are cleaned up again when that was in vain: it took too long, or an old transaction may read what is gone. */
const VACUUM_RETRY_MS = 60_000
/** At most this share of the time is spent on it. */
const VACUUM_SHARE = 0.1
/** Tasks that expire in one round. */
const MAX_EXPIRED = 100

export interface HousekeepingDeps {
  readonly db: Database
  readonly changes: TaskChanges
  readonly clock: Clock
  readonly log: Logger
  /** Whether callers take turns. */
  readonly hasTurns: boolean
}

/**
 * Ends tasks whose start deadline has passed, and keeps plans good. Every process tries each round; each end is written
 * once.
 */
export class Housekeeping {
  readonly #deps: HousekeepingDeps
  readonly #ticker: Ticker
  #isBusy = false
  #rounds = 0
  /** Clock, ms. */
  #vacuumFrom = 0

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps
    this.#ticker = new Ticker(deps.clock, EVERY_MS, () => void this.#run())
  }

  start(): void {
    this.#ticker.start()
    void this.#run()
  }

  stop(): void {
    this.#ticker.stop()
  }

  async #run(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    // The database may be away: the next round finds what is due.
    await refreshStatistics(this.#deps.db).catch(() => undefined)
    await this.#vacuum()
    await this.#expire().catch(() => undefined)
    if (this.#deps.hasTurns) await forgetTurns(this.#deps.db).catch(() => undefined)
    if (this.#rounds % FOLDED_EVERY === 0) await foldCounters(this.#deps.db).catch(() => undefined)
    this.#rounds += 1
    this.#isBusy = false
  }

  async #vacuum(): Promise<void> {
    const { db, clock, log } = this.#deps
    const startedAt = clock.now()
    if (startedAt < this.#vacuumFrom) return
    try {
      const isLeft = await vacuumTickets(db)
      const tookMs = clock.now() - startedAt
      const waitMs = isLeft ? VACUUM_RETRY_MS : tookMs / VACUUM_SHARE
      this.#vacuumFrom = clock.now() + waitMs
    } catch (error) {
      log.debug({ err: error }, 'tickets could not be cleaned up')
      this.#vacuumFrom = clock.now() + VACUUM_RETRY_MS
    }
  }

  async #expire(): Promise<void> {
    const { db, changes, clock, log } = this.#deps
    const due = await db.query<{ id: string }>(
      `SELECT id FROM headgate.tasks WHERE start_deadline_at <= $1 AND run = 0 AND finished_at IS NULL
        ORDER BY start_deadline_at LIMIT ${MAX_EXPIRED}`,
      [clock.now()],
    )
    for (const { id } of due) {
      await changes.change(id, (newest) => {
        if (newest.run > 0 || newest.status === 'running') return null
        log.info({ taskId: id, type: newest.type }, 'task expired')
        return toExpired(clock.now())
      })
    }
  }
}
