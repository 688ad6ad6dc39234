import type { Client } from 'pg'
import type { DeliveryJournal } from '../journal/journal.ts'

/** Any number; the same in every process. */
const LOCK = 4_215_770_032

/** One process at a time sends webhooks: the one whose connection holds the lock, until that ends. */
export class Leader {
  #client: Client | null = null
  #isLeader = false

  get isLeader(): boolean {
    return this.#isLeader
  }

  /** The connection that may hold the lock; null: it is gone, and the lock with it. */
  use(client: Client | null): void {
    this.#client = client
    this.#isLeader = false
  }

  /** Takes the lock when nobody has it. */
  async tryToLead(): Promise<void> {
    const client = this.#client
    if (this.#isLeader || client === null) return
    const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
      LOCK,
    ])
    if (this.#client === client) this.#isLeader = rows[0]?.locked ?? false
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
