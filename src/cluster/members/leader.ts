import type { Client } from 'pg'
import type { DeliveryJournal } from '../../journal/journal.ts'

/** Any number; the same in every process. */
const LOCK = 4_215_770_032

/** Begins the names of the locks, so that they are not those of somebody else in the database. */
const NAME_SPACE = 421_578

/**
 * What one process alone may do, as long as its connection holds a lock: send webhooks, and have its name.
 */
export class Leader {
  #client: Client | null = null
  #isLeader = false
  /** A connection takes one statement at a time. */
  #last: Promise<unknown> = Promise.resolve()

  get isLeader(): boolean {
    return this.#isLeader
  }

  /** The connection that may hold the lock; null: it is gone, and the lock with it. */
  use(client: Client | null): void {
    this.#client = client
    this.#isLeader = false
  }

  /** Takes a name; false: another process has it, or there is no connection. It is taken again with each connection. */
  async tryToHave(name: string): Promise<boolean> {
    const client = this.#client
    if (client === null) return false
    const sql = 'SELECT pg_try_advisory_lock($1, hashtext($2)) AS locked'
    return this.#ask(client, sql, [NAME_SPACE, name])
  }

  /** Takes the lock when nobody has it. */
  async tryToLead(): Promise<void> {
    const client = this.#client
    if (this.#isLeader || client === null) return
    const isLeader = await this.#ask(client, 'SELECT pg_try_advisory_lock($1) AS locked', [LOCK])
    if (this.#client === client) this.#isLeader = isLeader
  }

  async #ask(client: Client, sql: string, values: readonly unknown[]): Promise<boolean> {
    const asked = this.#last.then(() => client.query<{ locked: boolean }>(sql, [...values]))
    this.#last = asked.catch(() => undefined)
    return (await asked).rows[0]?.locked ?? false
  }
}

/** The deliveries as the leader sees them; to others none are due. */
export function deliveriesOfLeader(deliveries: DeliveryJournal, leader: Leader): DeliveryJournal {
  return {
    ...deliveries,
    due: async (...args) => (leader.isLeader ? deliveries.due(...args) : []),
    nextAt: async (...args) => (leader.isLeader ? deliveries.nextAt(...args) : null),
  }
}
