import { escapeLiteral } from 'pg'
import type { Database, Statements } from '../database/database.ts'
import type { Tickets } from '../tickets.ts'
import type { Holder } from './account.ts'

/** The state of a resource, as text, and the time of the database, epoch ms. */
export interface AccountRow {
  readonly state: string
  readonly now: number
}

/** A row, and the tasks that are parked for the resource. */
export interface WholeAccountRow extends AccountRow {
  readonly resource: string
  /** Counted up to {@link MAX_COUNTED}. */
  readonly parked: number
}

const MAX_COUNTED = 10_000
const COLUMNS = 'state, (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now'

/** The rows of resources. */
export class AccountStore {
  readonly #db: Database
  readonly #tickets: Tickets

  constructor(db: Database, tickets: Tickets) {
    this.#db = db
    this.#tickets = tickets
  }

  /**
   * Changes the state of a resource while nobody else can.
   * @param decide is called again after a deadlock; `text` is the new state, null: it stays
   */
  change<Reply extends { readonly text: string | null }>(
    name: string,
    decide: (row: AccountRow) => Reply,
  ): Promise<Reply> {
    const select = `SELECT ${COLUMNS} FROM headgate.accounts WHERE resource = ${escapeLiteral(name)} FOR UPDATE`
    return this.#db.transaction(
      async (tx, [rows = []]) => {
        const reply = decide((rows[0] as AccountRow | undefined) ?? (await insert(tx, name, select)))
        const { text } = reply
        if (text !== null)
          await tx.query('UPDATE headgate.accounts SET state = $2 WHERE resource = $1', [name, text])
        return reply
      },
      [select],
    )
  }

  async readAll(): Promise<ReadonlyMap<string, WholeAccountRow>> {
    const rows = await this.#db.query<WholeAccountRow & { readonly [column: string]: unknown }>(
      `SELECT resource, ${COLUMNS}, (SELECT count(*)::integer FROM (SELECT FROM headgate.tasks
          WHERE status = 'waiting' AND wait_resource = resource LIMIT ${MAX_COUNTED}) AS few) AS parked
        FROM headgate.accounts`,
    )
    return new Map(rows.map((row) => [row.resource, row]))
  }

  /** Lets parked tasks run, the most urgent first, then the oldest; the reply is whether there were some. */
  async wakeParked(name: string, count: number): Promise<boolean> {
    const first = await this.#db.query<{ id: string }>(
      `SELECT id FROM headgate.tasks WHERE status = 'waiting' AND wait_resource = $1
        ORDER BY ticket DESC LIMIT ${count}`,
      [name],
    )
    const ids = first.map(({ id }) => id)
    return ids.length > 0 && (await this.#tickets.wakeAll(this.#db, ids))
  }

  /** Of these runs, those that are still under way where they were started. */
  async findRunning(holders: readonly Holder[]): Promise<ReadonlySet<string>> {
    if (holders.length === 0) return new Set()
    const rows = await this.#db.query<Holder & { readonly [column: string]: unknown }>(
      `SELECT id AS "taskId", run, member FROM headgate.tasks
        WHERE id = ANY ($1) AND status IN ('running', 'cancelling')`,
      [holders.map(({ taskId }) => taskId)],
    )
    return new Set(rows.map(toRunKey))
  }
}

export function toRunKey({ taskId, run, member }: Holder): string {
  return `${taskId} ${run} ${member}`
}

async function insert(tx: Statements, name: string, select: string): Promise<AccountRow> {
  await tx.query(`INSERT INTO headgate.accounts (resource) VALUES ($1) ON CONFLICT DO NOTHING`, [name])
  const [row] = await tx.query<AccountRow & { readonly [column: string]: unknown }>(select)
  if (row === undefined) throw new Error(`the row of the resource "${name}" was deleted`)
  return row
}
