import type { ExportedTable } from '../../journal/sqlite/exported-tables.ts'
import type { ExportedTask } from '../../journal/sqlite/exported-tasks.ts'
import type { Row } from '../../journal/rows.ts'
import type { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import { CounterChanges } from '../journal/counters.ts'
import { join, leave } from '../members/members.ts'
import { RESOURCES_NOTE } from '../../lifecycle/saved-counters.ts'
import type { Tickets } from '../tickets.ts'
import { selectDigests } from './digest.ts'
import { toDrawnRows } from './drawn.ts'
import type { Advance, CountedTable, MoveState, MoveTarget } from './ends.ts'
import { advance, beginMove } from './move-note.ts'
import { writeDrawn, writeRows, writeTasks } from './write-tasks.ts'

export interface PostgresTargetOptions {
  readonly db: Database
  readonly tickets: Tickets
  /** As the processes over the database will have it, ms. */
  readonly headStartMs: number
  readonly version: string
  /** When the oldest task was admitted that has not ended, epoch ms. */
  readonly oldestAt: number
}

const NORMAL = 1

/** A database as the target of a move. */
export class PostgresTarget implements MoveTarget {
  readonly #db: Database
  readonly #options: PostgresTargetOptions
  #member = 0

  constructor(options: PostgresTargetOptions) {
    this.#db = options.db
    this.#options = options
  }

  async begin(journal: string): Promise<MoveState> {
    const { tickets, version } = this.#options
    await migrate(this.#db)
    await tickets.start()
    const state = await beginMove(this.#db, journal)
    // The counters of what is moved are rows of a member that never runs.
    this.#member = await join(this.#db, { name: `move ${journal}`, kind: 'serve', version, slots: 0 })
    await leave(this.#db, this.#member)
    return state
  }

  async advance(step: Advance): Promise<void> {
    await advance(this.#db, step)
  }

  async writeTasks(page: readonly ExportedTask[], step: Advance): Promise<void> {
    const { tickets, headStartMs, oldestAt } = this.#options
    await this.#db.transaction(async (tx) => {
      await advance(tx, step)
      const counters = new CounterChanges(this.#member)
      await writeTasks(page, { tx, tickets, counters, headStartMs, oldestAt })
    })
  }

  async writeRows(table: ExportedTable, rows: readonly Row[]): Promise<void> {
    const drawn = table === 'notes' ? rows.filter(({ name }) => name === RESOURCES_NOTE) : []
    await this.#db.transaction(async (tx) => {
      await writeRows(
        tx,
        table,
        rows.filter((row) => !drawn.includes(row)),
      )
      for (const { text } of drawn) await writeDrawn(tx, toDrawnRows(String(text)))
    })
  }

  /** Tasks that are there were counted when they came. */
  async writeTotals(totals: ReadonlyMap<string, number>, step: Advance): Promise<void> {
    await this.#db.transaction(async (tx) => {
      await advance(tx, step)
      const counters = new CounterChanges(this.#member)
      const found = await tx.query<{ status: string; count: number }>(
        'SELECT status, count(*)::integer AS count FROM headgate.tasks GROUP BY status',
      )
      const kept = new Map(found.map(({ status, count }) => [status, count]))
      for (const [name, count] of totals) {
        const isOfTasks = name !== 'rejected' && name !== 'retried'
        counters.add(name, isOfTasks ? NORMAL : 0, count - (kept.get(name) ?? 0))
      }
      await counters.flush(tx)
    })
  }

  async count(table: CountedTable): Promise<number> {
    const sql = `SELECT count(*)::integer AS count FROM headgate.${table}`
    return (await this.#db.query<{ count: number }>(sql))[0]?.count ?? 0
  }

  countUnfinished(): Promise<number> {
    return this.#options.tickets.count(this.#db)
  }

  digests(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return selectDigests(this.#db, ids)
  }
}
