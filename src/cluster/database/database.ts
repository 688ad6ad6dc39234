import type { Writable } from 'node:stream'
import {
  Pool,
  TypeOverrides,
  type PoolClient,
  type QueryConfig,
  type QueryResult,
  type QueryResultRow,
} from 'pg'
import { HeadgateError } from '../../task/errors.ts'

/** Every query ends within this time: a network that swallows packets reports no error. */
const QUERY_TIMEOUT_MS = 5000
const CONNECT_TIMEOUT_MS = 2000
/**
 * Of each session: plans do not depend on the values of one call, and none is worth to be compiled; one that is kept from
 * the time when few tasks waited does not read whole tables when there are many, or many that are gone; a statement that the
 * server still works on ends before this process gives it up, so that nothing of it is committed later; so does a
 * transaction in which this process stands still. PgBouncer refuses them as options of the connection.
 */
const SESSION =
  'SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off; SET statement_timeout = 4500; SET idle_in_transaction_session_timeout = 3000'
const INT8 = 20
const HIGHEST_INTEGER = `${2n ** 63n - 1n}`
const LOWEST_INTEGER = `${-(2n ** 63n)}`
const DISK_FULL = '53100'
const DEADLOCK = '40P01'
const MAX_TRIES = 3
/** Connections that are left for everything else. */
const FEW = 2

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** Connections at most. */
  readonly connections: number
  /** Whether a connection is a session of PostgreSQL, with its settings and prepared statements; not where transactions are pooled. */
  readonly prepares: boolean
  /** A connection that was idle has failed; the next query opens another one. */
  readonly onError: (error: Error) => void
}

export type Value = string | number | boolean | null | Buffer | readonly string[]

/** Statements of one transaction. */
export interface Statements {
  query<Row extends QueryResultRow = QueryResultRow>(
    text: string,
    values?: readonly Value[],
  ): Promise<readonly Row[]>
}

/** A transaction of its own connection. */
export interface Transaction extends Statements {
  /**
   * Sends a statement without waiting for it, behind those before it: what is sent at the end goes out with the commit,
   * in one round trip. When it fails, so does the transaction.
   */
  readonly send: (text: string, values?: readonly Value[]) => void
}

/** Connections to PostgreSQL. What fails throws a HeadgateError, except for mistakes in a statement. */
export class Database implements Statements {
  readonly #pool: Pool
  readonly #names = new Map<string, string>()
  readonly #options: DatabaseOptions
  readonly #lanes: Database[] = []

  constructor(options: DatabaseOptions) {
    const { url, connections, prepares, onError } = options
    this.#options = options
    const types = new TypeOverrides()
    types.setTypeParser(INT8, Number)
    this.#pool = new Pool({
      connectionString: url,
      max: connections,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      types,
      // Statements that are sent without waiting for the one before.
      pipeline: true,
      // oxlint-disable-next-line typescript/no-misused-promises -- the pool awaits it, which its types do not know
      ...(prepares ? { onConnect: (client) => client.query(SESSION) } : {}),
    })
    this.#pool.on('error', onError)
  }

  /**
   * One of the connections, for statements that come one after another: plans belong to connections, and large ones are
   * made once. Of few connections none is taken.
   */
  takeLane(): Database {
    const { options } = this.#pool
    if ((options.max ?? 0) <= FEW) return this
    options.max = (options.max ?? 0) - 1
    const lane = new Database({ ...this.#options, connections: 1 })
    this.#lanes.push(lane)
    return lane
  }

  async query<Row extends QueryResultRow>(text: string, values: readonly Value[] = []) {
    const { rows } = await asHeadgateError(this.#pool.query<Row>(this.#toQuery(text, values)))
    return rows
  }

  /**
   * Runs statements in one transaction: all of it is committed, or nothing. After a deadlock `work` is called again.
   *
   * @param first statements without values that are sent with its beginning; `work` gets their rows
   */
  async transaction<Reply>(
    work: (tx: Transaction, rows: readonly (readonly QueryResultRow[])[]) => Promise<Reply>,
    first: readonly string[] = [],
  ): Promise<Reply> {
    for (let left = MAX_TRIES; ; left -= 1) {
      try {
        return await this.#tryTransaction(work, first)
      } catch (error) {
        if (left === 1 || !isDeadlock(error)) throw error
      }
    }
  }

  async #tryTransaction<Reply>(
    work: (tx: Transaction, rows: readonly (readonly QueryResultRow[])[]) => Promise<Reply>,
    first: readonly string[],
  ): Promise<Reply> {
    const client = await asHeadgateError(this.#pool.connect())
    let broken: Error | undefined
    const fail = (error: Error) => (broken = error)
    client.on('error', fail)
    const statements = new ConnectionStatements(client, (text, values) => this.#toQuery(text, values))
    try {
      const reply = await work(statements, await statements.begin(first))
      await statements.commit()
      return reply
    } catch (error) {
      // A connection with an open transaction is not used again, unless it can be rolled back.
      await statements.rollBack().catch(fail)
      throw error
    } finally {
      client.off('error', fail)
      client.release(broken)
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.end(), ...this.#lanes.map((lane) => lane.close())])
  }

  #toQuery(text: string, values: readonly Value[]) {
    const query = { text, values: values.map(toParameter) as unknown[] }
    if (!this.#options.prepares) return query
    let name = this.#names.get(text)
    if (name === undefined) this.#names.set(text, (name = `headgate_${this.#names.size}`))
    return { ...query, name }
  }
}

type ToQuery = (text: string, values: readonly Value[]) => QueryConfig

/** The statements of one transaction, over its connection. */
class ConnectionStatements implements Transaction {
  readonly #client: PoolClient
  readonly #toQuery: ToQuery
  readonly #sent: Promise<unknown>[] = []
  /** What is written goes out together when it is opened again. */
  #isCorked = false

  constructor(client: PoolClient, toQuery: ToQuery) {
    this.#client = client
    this.#toQuery = toQuery
  }

  /** @param first sent with its beginning; the reply is their rows */
  async begin(first: readonly string[]): Promise<readonly (readonly QueryResultRow[])[]> {
    this.#cork()
    const asked = [asHeadgateError(this.#client.query('BEGIN')), ...first.map((text) => this.#ask(text, []))]
    this.#uncork()
    const [, ...results] = await Promise.all(asked)
    return results.map(({ rows }) => rows as QueryResultRow[])
  }

  async query<Row extends QueryResultRow>(text: string, values: readonly Value[] = []) {
    const asked = this.#ask<Row>(text, values)
    this.#uncork()
    return (await asked).rows
  }

  send(text: string, values: readonly Value[] = []): void {
    this.#cork()
    const asked = this.#ask(text, values)
    asked.catch(() => undefined)
    this.#sent.push(asked)
  }

  async commit(): Promise<void> {
    const committed = asHeadgateError(this.#client.query('COMMIT'))
    this.#uncork()
    await Promise.all([...this.#sent, committed])
    // After an error inside, COMMIT is answered by ROLLBACK and throws nothing.
    if ((await committed).command === 'COMMIT') return
    throw new HeadgateError('journal-unavailable', 'The transaction was rolled back.')
  }

  async rollBack(): Promise<void> {
    this.#uncork()
    await this.#client.query('ROLLBACK')
  }

  #ask<Row extends QueryResultRow>(text: string, values: readonly Value[]): Promise<QueryResult<Row>> {
    return asHeadgateError(this.#client.query<Row>(this.#toQuery(text, values)))
  }

  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    this.#stream.cork()
  }

  #uncork(): void {
    if (!this.#isCorked) return
    this.#isCorked = false
    this.#stream.uncork()
  }

  get #stream(): Pick<Writable, 'cork' | 'uncork'> {
    return (this.#client as unknown as { readonly connection: { readonly stream: Writable } }).connection
      .stream
  }
}

/** PostgreSQL is starting, or stopping; a pooler cannot reach it; it is a standby, which may become the primary. */
const NOT_NOW = /^(?:57P0|08|25006)/

/** Whether the database may be there in a moment: it could not be reached, or is starting. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof HeadgateError) || error.code !== 'journal-unavailable') return false
  const { code = '' } = (error.cause ?? {}) as { readonly code?: string }
  return !SQL_STATE.test(code) || NOT_NOW.test(code)
}

/** What PostgreSQL answers has a code of five characters; a connection that failed has another one, or none. */
const SQL_STATE = /^[0-9A-Z]{5}$/
/** Of these classes the statement is at fault: data, integrity, syntax. */
const OWN_FAULT = /^(?:22|23|42)/

/** Two transactions waited for each other, and this one was given up. */
export function isDeadlock(error: unknown): boolean {
  return (
    error instanceof HeadgateError &&
    (error.cause as { readonly code?: string } | undefined)?.code === DEADLOCK
  )
}

async function asHeadgateError<Reply>(asked: Promise<Reply>): Promise<Reply> {
  try {
    return await asked
  } catch (error) {
    throw toHeadgateError(error)
  }
}

/** PostgreSQL keeps no NUL in a text: what is asked for with one is not found. Its integers have an end. */
function toParameter(value: Value): Value {
  if (value === Infinity) return HIGHEST_INTEGER
  if (value === -Infinity) return LOWEST_INTEGER
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value
}

/** What the driver throws, as a HeadgateError; a mistake in a statement stays what it is. */
export function toHeadgateError(error: unknown): unknown {
  if (error instanceof HeadgateError) return error
  const { code = '', message } = error as Error & { readonly code?: string }
  if (code === DISK_FULL) return new HeadgateError('disk-full', message, { cause: error })
  if (SQL_STATE.test(code) && OWN_FAULT.test(code)) return error
  return new HeadgateError('journal-unavailable', `PostgreSQL: ${message}`, { cause: error })
}
