import { randomUUID } from 'node:crypto'
import { Client } from 'pg'

const TIMEOUT_MS = 2000
/** A pooler that is used by others too may give the same connection twice by chance. */
const MAX_TRIES = 10

/** How connections to an address reach PostgreSQL, as far as sessions are concerned. */
export interface Pooling {
  /**
   * `direct`: PostgreSQL itself. `session`: a pooler that gives each client a connection of its own. `transaction`: one
   * that gives it another one for each transaction, so that notifications, locks and settings of a session do not work.
   */
  readonly kind: 'direct' | 'session' | 'transaction'
  /** Whether a statement that was prepared by name is there in the next transaction. */
  readonly keepsStatements: boolean
}

const NO_SUCH_STATEMENT = '26000'
const BACKEND = 'SELECT pg_backend_pid() AS pid'

/**
 * Finds out by two connections of its own.
 *
 * @throws Error of the driver, when the database cannot be reached.
 */
export async function detectPooling(url: string): Promise<Pooling> {
  const [first, second] = [0, 1].map(
    () =>
      new Client({ connectionString: url, connectionTimeoutMillis: TIMEOUT_MS, query_timeout: TIMEOUT_MS }),
  ) as [Client, Client]
  for (const client of [first, second]) client.on('error', () => undefined)
  try {
    await first.connect()
    // A pooler makes up the number that it sends at the beginning.
    const { processID } = first as Client & { readonly processID?: number }
    if ((await readBackend(first)) === processID) return { kind: 'direct', keepsStatements: true }
    await second.connect()
    return await compare(first, second)
  } finally {
    await Promise.all([first.end(), second.end()]).catch(() => undefined)
  }
}

/** While `second` has a transaction open, `first` gets another connection than before, or that of `second` was its own. */
async function compare(first: Client, second: Client): Promise<Pooling> {
  // Of this look alone: a pooler keeps what others have prepared.
  const byName = { name: randomUUID(), text: BACKEND }
  for (let left = MAX_TRIES; left > 0; left -= 1) {
    const before = await readBackend(first, byName)
    await second.query('BEGIN')
    const held = await readBackend(second)
    const after = held === before ? await readBackend(first, byName) : before
    await second.query('ROLLBACK')
    if (before === undefined || held === before)
      return { kind: 'transaction', keepsStatements: after !== undefined }
  }
  return { kind: 'session', keepsStatements: true }
}

/** The process of PostgreSQL that answers; undefined: a statement of this name is not known there. */
async function readBackend(
  client: Client,
  query: string | { readonly name: string; readonly text: string } = BACKEND,
): Promise<number | undefined> {
  try {
    return (await client.query<{ pid: number }>(query)).rows[0]?.pid
  } catch (error) {
    if ((error as { readonly code?: string }).code === NO_SUCH_STATEMENT) return undefined
    throw error
  }
}
