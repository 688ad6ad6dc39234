import type { Database, Transaction } from './database.ts'

/**
 * Does work in a transaction, unless another process is doing it.
 *
 * @param lock number of the work, which no other work has
 */
export async function inOneProcess(
  db: Database,
  lock: number,
  work: (tx: Transaction) => Promise<void>,
): Promise<void> {
  await db.transaction(async (tx) => {
    const [row] = await tx.query<{ mine: boolean }>(`SELECT pg_try_advisory_xact_lock(${lock}) AS mine`)
    if (row?.mine === true) await work(tx)
  })
}
