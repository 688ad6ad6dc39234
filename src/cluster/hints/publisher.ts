import type { EventBus } from '../../events/event-bus.ts'
import type { JournalEntry } from '../../journal/journal.ts'
import { isTerminal } from '../../task/status.ts'
import type { Task } from '../../task/task.ts'
import type { Clock } from '../../time/clock.ts'
import type { Database } from '../database/database.ts'
import { sendHints, type Hint } from './hints.ts'

export interface PublisherOptions {
  readonly db: Database
  readonly bus: EventBus
  readonly clock: Clock
}

/**
 * Hints of events are sent at most this often, ms: each is a transaction, and PostgreSQL wakes the connection that
 * listens of every process for it, also of those that do not listen to events. While they come without a pause the time
 * between them doubles, up to the second number.
 */
const EVENTS_GAP_MS = { min: 10, max: 40 }

/**
 * Tells this process and all others what is committed. Hints of one turn, and of the time in which the last ones are
 * sent, go together; those of events wait a little after the last ones, all others do not.
 */
export class Publisher {
  /** Called with what this process has written. */
  onCommitted: () => void = () => undefined
  /** Called for each end that is committed here. */
  onEnded: (task: Task) => void = () => undefined
  readonly #options: PublisherOptions
  #ids = new Set<string>()
  #stopped = new Set<string>()
  #granted = new Set<string>()
  #hasWork = false
  #hasControls = false
  #hasWebhooks = false
  #isSending = false
  #sending: Promise<void> = Promise.resolve()
  /** When hints of events may be sent again, by the monotonic clock. */
  #eventsFrom = -Infinity
  #eventsGapMs = EVENTS_GAP_MS.min
  #isLate = false

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** These entries are committed, in this order. */
  committed(entries: readonly Pick<JournalEntry, 'task' | 'event'>[]): void {
    if (entries.length > 0) this.onCommitted()
    for (const { task, event } of entries) {
      this.#options.bus.committed(task, event)
      // Nobody can watch a task before its first event: who asks for it reads that one.
      if (event.seq > 1) this.#ids.add(task.id)
      if (task.status === 'cancelling') this.#stopped.add(task.id)
      if (isTerminal(task.status)) this.onEnded(task)
    }
    this.#send()
  }

  /** Tickets can be taken. */
  hasWork(): void {
    this.#hasWork = true
    this.#send()
  }

  /** A webhook is due, for the process that sends them. */
  hasWebhooks(): void {
    this.#hasWebhooks = true
    this.#send()
  }

  /** A resource has room for calls of these members. */
  hasGrants(members: readonly number[]): void {
    for (const member of members) this.#granted.add(`${member}`)
    this.#send()
  }

  hasControls(): void {
    this.#hasControls = true
    this.#send()
  }

  /** Settles when nothing more is on its way. */
  async whenSent(): Promise<void> {
    await this.#sending
    this.#eventsFrom = -Infinity
    this.#send()
    await this.#sending
  }

  #send(): void {
    if (this.#isSending) return
    this.#isSending = true
    this.#sending = this.#sendAll()
  }

  async #sendAll(): Promise<void> {
    // What is said in this turn goes together.
    await Promise.resolve()
    for (let hints = this.#take(); hints.length > 0; hints = this.#take()) {
      // A hint may be lost: a poll stands behind it.
      await sendHints(this.#options.db, hints).catch(() => undefined)
    }
    this.#isSending = false
    this.#sendLate()
  }

  #sendLate(): void {
    if (this.#ids.size === 0 || this.#isLate) return
    const { clock } = this.#options
    this.#isLate = true
    clock.after(Math.max(0, this.#eventsFrom - clock.monotonic()), () => {
      this.#isLate = false
      this.#send()
    })
  }

  #take(): readonly Hint[] {
    const hints: Hint[] = [
      ...(this.#hasWork ? [{ kind: 'work' } as const] : []),
      ...(this.#hasControls ? [{ kind: 'controls' } as const] : []),
      ...(this.#hasWebhooks ? [{ kind: 'webhooks' } as const] : []),
      ...(this.#stopped.size > 0 ? [{ kind: 'stop', ids: [...this.#stopped] } as const] : []),
      ...(this.#granted.size > 0 ? [{ kind: 'resources', ids: [...this.#granted] } as const] : []),
      ...this.#takeEvents(),
    ]
    this.#stopped = new Set()
    this.#granted = new Set()
    this.#hasWork = false
    this.#hasControls = false
    this.#hasWebhooks = false
    return hints
  }

  #takeEvents(): readonly Hint[] {
    const now = this.#options.clock.monotonic()
    if (this.#ids.size === 0 || now < this.#eventsFrom) return []
    const ids = [...this.#ids]
    this.#ids = new Set()
    const hadPause = now >= this.#eventsFrom + this.#eventsGapMs
    this.#eventsGapMs = hadPause ? EVENTS_GAP_MS.min : Math.min(EVENTS_GAP_MS.max, this.#eventsGapMs * 2)
    this.#eventsFrom = now + this.#eventsGapMs
    return [{ kind: 'tasks', ids }]
  }
}
