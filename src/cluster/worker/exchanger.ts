import type { Logger } from 'pino'
import type { JournalEntry } from '../../journal/journal.ts'
import { listFields } from '../../lifecycle/transitions.ts'
import { isTerminal } from '../../task/status.ts'
import { isDeadlock, type Database } from '../database/database.ts'
import type { HeldTicket } from '../tickets.ts'
import { Exchange, type Claimed, type ExchangeDeps } from './exchange.ts'
import { exchangeAtOnce, type OneTrip } from './one-trip.ts'
import type { EndedRun } from './run.ts'

export interface ExchangerDeps extends ExchangeDeps {
  readonly db: Database
}

/** Each number of tickets is a statement of its own, which PostgreSQL keeps a plan of: of large ones only some are. */
const EXACT = 32
const STEP = 16

/** What an exchange has done. */
export interface Exchanged extends Pick<Exchange, 'refused' | 'unknownTypes'> {
  readonly entries: readonly JournalEntry[]
  readonly claimed: readonly Claimed[]
  /** Runs that are dealt with: their outcomes are written, or refused. */
  readonly over: readonly EndedRun[]
  /** Whether tickets were made that others could take. */
  readonly hasTickets: boolean
  /** Whether something is left for the next exchange, which should follow at once. */
  readonly isPartial: boolean
}

/**
 * Chooses the form of each exchange: one statement, or a transaction of several. What the statement leaves over, because
 * it is not usual or because somebody else has written to a task, goes into a transaction at once.
 */
export class Exchanger {
  readonly #deps: ExchangerDeps
  /** Of a process that runs tasks. */
  #lane: Database | null = null
  /** Tickets that are held here, of tasks that have not started. */
  #left: readonly HeldTicket[] = []
  #isPartial = false

  constructor(deps: ExchangerDeps) {
    this.#deps = deps
  }

  get #db(): Database {
    this.#lane ??= this.#deps.db.takeLane()
    return this.#lane
  }

  get left(): number {
    return this.#left.length
  }

  /** What is left is not known any more: its tickets are given back with all others that belong to no run. */
  forget(): void {
    this.#left = []
    this.#isPartial = false
  }

  async perform(ended: readonly EndedRun[], free: number): Promise<Exchanged> {
    const count = free <= EXACT ? free : free - (free % STEP)
    const trip = this.#isPartial ? null : await this.#tryAtOnce(ended, count)
    if (trip === null) return this.#perform(ended, free)
    const { entries, claimed, undecided, left } = trip
    this.#left = left
    this.#isPartial = left.length > 0 || undecided.length > 0
    const hasMore = count < free && claimed.length === count
    return {
      entries,
      claimed,
      refused: [],
      unknownTypes: new Set(),
      over: ended.filter((each) => !undecided.includes(each)),
      hasTickets: false,
      isPartial: this.#isPartial || hasMore,
    }
  }

  async #tryAtOnce(ended: readonly EndedRun[], free: number): Promise<OneTrip | null> {
    try {
      return await exchangeAtOnce(this.#db, this.#deps, { ended, free })
    } catch (error) {
      // A transaction is tried again after one.
      if (isDeadlock(error)) return null
      throw error
    }
  }

  async #perform(ended: readonly EndedRun[], free: number): Promise<Exchanged> {
    const exchange = await this.#db.transaction(async (tx) => {
      const attempt = new Exchange(tx, this.#deps)
      await attempt.perform(ended, free, this.#left)
      return attempt
    })
    this.forget()
    const { entries, claimed, refused, unknownTypes, hasTickets } = exchange
    return { entries, claimed, refused, unknownTypes, hasTickets, over: ended, isPartial: false }
  }
}

export function logExchange({ entries, refused, unknownTypes }: Exchanged, log: Logger): void {
  for (const { task, event } of entries) {
    const { attempt, waitMs, runMs, status } = task
    const fields = listFields(task)
    const errorType = task.failure?.errorType
    if (event.type === 'started') log.info({ ...fields, attempt, waitMs }, 'task started')
    else if (isTerminal(status)) log.info({ ...fields, outcome: status, errorType, runMs }, 'task ended')
    else if (event.type === 'retrying') {
      const { waitReason: reason, waitUntil: until, waitResource: resource } = task
      log.info(
        { ...fields, reason, until, resource, errorType: event.failure?.errorType, runMs },
        'task waits',
      )
    }
  }
  for (const { run } of refused) log.warn({ taskId: run.id, run: run.run }, 'late outcome refused')
  if (unknownTypes.size > 0) log.warn({ types: [...unknownTypes] }, 'task types missing: their tasks wait')
}
