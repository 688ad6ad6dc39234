import { join } from 'node:path'
import { EXPORTED_TABLES, JournalExport, type ExportedTable } from '../../journal/sqlite/export.ts'
import type { Blobs } from '../../uploads/blobs.ts'
import { FolderStore } from '../../uploads/folder-store.ts'
import type { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import { CounterChanges } from '../journal/counters.ts'
import { join as joinMembers, leave } from '../members/members.ts'
import type { Tickets } from '../tickets.ts'
import { advance, beginMove, type MoveState } from './move-note.ts'
import { moveUploads, type MovedUploads } from './move-uploads.ts'
import { assertCount, verifyTasks } from './verify.ts'
import { writeRows, writeTasks } from './write-tasks.ts'

export interface MoveOptions {
  /** The data folder of a server that does not run. */
  readonly folder: string
  readonly db: Database
  readonly tickets: Tickets
  /** Where the processes over the database will look for uploads. */
  readonly blobs: Blobs
  /** As the processes over the database will have it, ms. */
  readonly headStartMs: number
  readonly version: string
  /** What the database is called in messages: no password. */
  readonly place: string
  readonly report: (progress: MoveProgress) => void
}

export interface MoveProgress {
  readonly what: 'uploads' | 'tasks' | 'verified tasks'
  readonly done: number
}

export interface MoveResult {
  readonly tasks: number
  readonly uploads: MovedUploads
}

/** Where the files of uploads lie in a data folder. */
const UPLOADS = 'spool'
const TASKS_AT_ONCE = 200
const ROWS_AT_ONCE = 1000
const NORMAL = 1
/** Notes that are counters of the cluster. */
const COUNTED_NOTES: Readonly<Record<string, string>> = {
  total_rejected: 'rejected',
  total_retried: 'retried',
}

/**
 * Moves everything that a journal on SQLite holds into a database without tasks, compares it, and marks the journal as moved.
 * A move that is cut off is taken up where it was; until it is done, no process starts over the database.
 *
 * @throws HeadgateError `journal-in-use`, `journal-missing`, `journal-moved`, `move-refused`, `move-failed`
 */
export async function moveJournal(options: MoveOptions): Promise<MoveResult> {
  using journal = new JournalExport(options.folder)
  await migrate(options.db)
  await options.tickets.start()
  await options.blobs.start()
  return await new Move(journal, options).run()
}

class Move {
  readonly #journal: JournalExport
  readonly #options: MoveOptions
  #member = 0
  #state!: MoveState

  constructor(journal: JournalExport, options: MoveOptions) {
    this.#journal = journal
    this.#options = options
  }

  async run(): Promise<MoveResult> {
    const { db, folder, blobs, version, place, report } = this.#options
    this.#state = await beginMove(db, this.#journal.id)
    // The counters of what is moved are rows of a member that never runs.
    this.#member = await joinMembers(db, {
      name: `move ${this.#journal.id}`,
      kind: 'serve',
      version,
      slots: 0,
    })
    await leave(db, this.#member)
    const stores = { from: new FolderStore(join(folder, UPLOADS)), to: blobs }
    const uploads = await moveUploads(stores, this.#journal.uploads(), (done) =>
      report({ what: 'uploads', done }),
    )
    if (this.#state.stage === 'tasks') await this.#moveTasks()
    if (this.#state.stage === 'rows') await this.#moveRows()
    if (this.#state.stage === 'verify') await this.#verify()
    this.#journal.markMoved(place)
    return { tasks: this.#journal.count('tasks'), uploads }
  }

  async #moveTasks(): Promise<void> {
    const { db, tickets, headStartMs, report } = this.#options
    const oldestAt = this.#journal.oldestUnfinished() ?? Date.now()
    let done = 0
    for (const page of this.#journal.tasks(this.#state.place, TASKS_AT_ONCE)) {
      const to = { ...this.#state, place: page.at(-1)?.place ?? 0 }
      this.#state = await db.transaction(async (tx) => {
        const state = await advance(tx, this.#state, to)
        const counters = new CounterChanges(this.#member)
        await writeTasks(page, { tx, tickets, counters, headStartMs, oldestAt })
        return state
      })
      done += page.length
      report({ what: 'tasks', done })
    }
    this.#state = await db.transaction((tx) => advance(tx, this.#state, { ...this.#state, stage: 'rows' }))
  }

  /** Keys, webhooks, history, notes; at last the totals of tasks that were erased. */
  async #moveRows(): Promise<void> {
    const { db } = this.#options
    for (const table of Object.keys(EXPORTED_TABLES) as ExportedTable[]) {
      for (const page of this.#journal.rows(table, ROWS_AT_ONCE)) {
        const rows = table === 'notes' ? page.filter(({ name }) => !isCounted(name)) : page
        await db.transaction((tx) => writeRows(tx, table, rows))
      }
    }
    this.#state = await db.transaction(async (tx) => {
      const state = await advance(tx, this.#state, { ...this.#state, stage: 'verify' })
      const counters = new CounterChanges(this.#member)
      const found = await tx.query<{ status: string; count: number }>(
        'SELECT status, count(*)::integer AS count FROM headgate.tasks GROUP BY status',
      )
      const kept = new Map(found.map(({ status, count }) => [status, count]))
      for (const [status, count] of this.#journal.totals()) {
        counters.add(status, NORMAL, count - (kept.get(status) ?? 0))
      }
      for (const page of this.#journal.rows('notes', ROWS_AT_ONCE)) {
        for (const { name, text } of page) {
          if (isCounted(name)) counters.add(COUNTED_NOTES[name] as string, 0, Number(text))
        }
      }
      await counters.flush(tx)
      return state
    })
  }

  async #verify(): Promise<void> {
    const { db, tickets, report } = this.#options
    let [done, unfinished] = [0, 0]
    for (const page of this.#journal.tasks(0, TASKS_AT_ONCE)) {
      await verifyTasks(db, page)
      done += page.length
      unfinished += page.filter(({ row }) => row.finished_at === null).length
      report({ what: 'verified tasks', done })
    }
    const count = async (table: string) => {
      const rows = await db.query<{ count: number }>(
        `SELECT count(*)::integer AS count FROM headgate.${table}`,
      )
      return rows[0]?.count ?? 0
    }
    for (const table of ['tasks', 'keys', 'deliveries', 'erased'] as const) {
      assertCount(table, await count(table), this.#journal.count(table))
    }
    // A process that was started over the empty database has minutes of its own.
    const minutes = this.#journal.count('minutes')
    assertCount('minutes', Math.min(minutes, await count('minutes')), minutes)
    assertCount('tickets', await tickets.count(db), unfinished)
    this.#state = await db.transaction((tx) => advance(tx, this.#state, { ...this.#state, stage: 'done' }))
  }
}

function isCounted(name: unknown): name is string {
  return typeof name === 'string' && name in COUNTED_NOTES
}
