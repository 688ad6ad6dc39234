import type { EventBus } from '../../events/event-bus.ts'
import { toEvent, type EventRow } from '../../journal/rows.ts'
import type { Clock } from '../../time/clock.ts'
import { Ticker } from '../../time/ticker.ts'
import type { Database } from '../database/database.ts'

/** Behind every hint stands a look at all watched tasks. */
const POLL_MS = 2000
/** Events that are published of one task in one look; a reader that finds a gap reads the rest from the journal. */
const MAX_EVENTS = 500

export interface FeedOptions {
  readonly db: Database
  readonly bus: EventBus
  readonly clock: Clock
}

/**
 * Publishes what other processes wrote to the tasks that are watched here. The first look at a task publishes its newest
 * event: a reader that has not seen those before reads them from the journal.
 */
export class Feed {
  readonly #options: FeedOptions
  readonly #ticker: Ticker
  /** Number of the newest event that was published, by task. */
  readonly #published = new Map<string, number>()
  #hinted = new Set<string>()
  #isLooking = false

  constructor(options: FeedOptions) {
    this.#options = options
    this.#ticker = new Ticker(options.clock, POLL_MS, () => this.lookAtAll())
  }

  start(): void {
    this.#ticker.start()
  }

  stop(): void {
    this.#ticker.stop()
  }

  /** Whether somebody watches a task. */
  get isWatched(): boolean {
    return Iterator.from(this.#options.bus.watchedTasks).some(() => true)
  }

  /** These tasks have new events. */
  look(ids: readonly string[]): void {
    const { bus } = this.#options
    for (const id of ids) if (bus.hasSubscribers(id)) this.#hinted.add(id)
    void this.#lookAtHinted()
  }

  /** Hints may have been lost. */
  lookAtAll(): void {
    this.look([...this.#options.bus.watchedTasks])
    for (const id of this.#published.keys())
      if (!this.#options.bus.hasSubscribers(id)) this.#published.delete(id)
  }

  async #lookAtHinted(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      while (this.#hinted.size > 0) {
        const ids = [...this.#hinted]
        this.#hinted = new Set()
        await this.#publish(ids)
      }
    } catch {
      // The database is away: the next look finds what is missing.
    } finally {
      this.#isLooking = false
    }
  }

  async #publish(ids: readonly string[]): Promise<void> {
    const { db, bus } = this.#options
    const given = ids.map((id) => ({ id, after: this.#published.get(id) ?? null }))
    const rows = await db.query<EventRow & { readonly task_id: string }>(
      `SELECT events.task_id, events.seq, events.type, events.status, events.at, events.body
        FROM json_to_recordset($1) AS given(id text, after integer)
        JOIN headgate.tasks ON tasks.id = given.id
        CROSS JOIN LATERAL (
          SELECT * FROM headgate.events WHERE task_id = given.id AND seq > coalesce(given.after, tasks.last_seq - 1)
            ORDER BY seq LIMIT ${MAX_EVENTS}) AS events
        ORDER BY events.task_id, events.seq`,
      [JSON.stringify(given)],
    )
    for (const row of rows) {
      this.#published.set(row.task_id, row.seq)
      bus.publish(toEvent(row.task_id, row))
    }
  }
}
