import { PgBoss } from 'pg-boss'
import type { Database, Statements, Transaction, Value } from './database/database.ts'

/** The only queue: strict order over all types needs one. */
const QUEUE = 'tasks'
/** Never ended by its age: a task may wait for years. */
const TEN_YEARS_S = 315_360_000
const KEPT = { expireInSeconds: TEN_YEARS_S, retentionSeconds: TEN_YEARS_S, retryLimit: 1_000_000 }
/** A holder that does not report for this long has lost its tickets; the least that pg-boss takes. */
export const HEARTBEAT_S = 10
const NEVER_S = 3600
/** Tickets that are taken back at once. */
const MAX_SILENT = 500

/** The permission to run one task once; its id is that of the task. */
export interface NewTicket {
  readonly id: string
  /** The highest goes first; see {@link toTicketPriority}. */
  readonly priority: number
  /** Not before this instant, epoch ms; null: at once. */
  readonly startAfter: number | null
}

/** A ticket that is held: one of `attempt` and the same id is fenced off by the next. */
export interface HeldTicket {
  readonly id: string
  readonly retryCount: number
}

export interface TicketsOptions {
  readonly url: string
  readonly onError: (error: Error) => void
}

/**
 * Everything that pg-boss does here: it hands out tickets in their order, to one holder each, and takes them back from
 * holders that are gone. Nothing of it runs by itself. What moves a task moves its ticket in the same transaction.
 */
export class Tickets {
  readonly #boss: PgBoss
  readonly #fetchTexts = new Map<number, string | null>()

  constructor({ url, onError }: TicketsOptions) {
    this.#boss = new PgBoss({
      connectionString: url,
      max: 2,
      connectionTimeoutMillis: 1000,
      supervise: false,
      schedule: false,
      migrate: true,
      registerInstance: false,
      reindex: false,
      monitorVacuum: false,
      useListenNotify: false,
      openTelemetry: { enabled: false },
      monitorIntervalSeconds: 1,
      superviseIntervalSeconds: 1,
      queueCacheIntervalSeconds: NEVER_S,
      bamIntervalSeconds: NEVER_S,
      flowIntervalSeconds: NEVER_S,
    })
    this.#boss.on('error', onError)
  }

  /** Makes its tables; several processes may do so at once. */
  async start(): Promise<void> {
    await this.#boss.start()
    await this.#boss.createQueue(QUEUE, {
      policy: 'standard',
      notify: false,
      heartbeatSeconds: HEARTBEAT_S,
      retryLimit: 1_000_000,
      retryDelay: 0,
      expireInSeconds: 86_400,
      deleteAfterSeconds: 3600,
    })
  }

  async stop(): Promise<void> {
    await this.#boss.stop({ graceful: false, close: true })
  }

  async insert(tx: Statements, tickets: readonly NewTicket[]): Promise<void> {
    if (tickets.length === 0) return
    const jobs = tickets.map(({ id, priority, startAfter }) => ({
      id,
      priority,
      ...KEPT,
      ...(startAfter === null ? {} : { startAfter: new Date(startAfter) }),
    }))
    await this.#boss.insert(QUEUE, jobs, { db: toBossDb(tx) })
  }

  /** The same, sent with what follows it. */
  async send(tx: Transaction, tickets: readonly NewTicket[]): Promise<void> {
    const query = async (text: string, values: readonly Value[] = []) => {
      tx.send(text, values)
      return []
    }
    await this.insert({ query }, tickets)
  }

  async remove(tx: Statements, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.#boss.deleteJob(QUEUE, [...ids], { db: toBossDb(tx) })
  }

  /** Of all tasks. */
  async count(tx: Statements): Promise<number> {
    const sql = `SELECT count(*)::integer AS count FROM pgboss.job WHERE name = '${QUEUE}'`
    return (await tx.query<{ count: number }>(sql))[0]?.count ?? 0
  }

  /** Takes the first tickets that are due, for the holder that asks. */
  async fetch(tx: Statements, count: number): Promise<readonly HeldTicket[]> {
    if (count === 0) return []
    const jobs = await this.#boss.fetch(QUEUE, { batchSize: count, db: toBossDb(tx) })
    return jobs.map(({ id, retryCount }) => ({ id, retryCount }))
  }

  /** What {@link fetch} sends, to be a part of another statement; null: it is not what was tried with that. */
  async fetchText(count: number): Promise<string | null> {
    const known = this.#fetchTexts.get(count)
    if (known !== undefined) return known
    const sent: string[] = []
    const executeSql = async (text: string, values: unknown[] = []) => {
      sent.push(values.length === 0 ? text : '')
      return { rows: [] }
    }
    await this.#boss.fetch(QUEUE, { batchSize: count, db: { executeSql } })
    const text = sent.length === 1 && isKnownFetch(sent[0] ?? '', count) ? (sent[0] ?? null) : null
    this.#fetchTexts.set(count, text)
    return text
  }

  /** Moves a ticket that is not held, and what its task keeps of it; one that is held stays as it is. */
  async setPriority(tx: Statements, id: string, priority: number): Promise<void> {
    await tx.query('UPDATE headgate.tasks SET ticket = $2 WHERE id = $1', [id, priority])
    await this.#boss.update(QUEUE, undefined, { id, priority, db: toBossDb(tx) })
  }

  /** Makes a ticket that is held back until later due now. */
  async wake(tx: Statements, id: string): Promise<void> {
    await this.#boss.update(QUEUE, undefined, { id, startAfter: 0, db: toBossDb(tx) })
  }

  /** The same for several, where the reply is whether one of them was held back. */
  async wakeAll(tx: Statements, ids: readonly string[]): Promise<boolean> {
    const rows = await tx.query(
      `UPDATE pgboss.job SET start_after = now() WHERE name = '${QUEUE}' AND id = ANY ($1::uuid[])
        AND state < 'active' AND start_after > now() RETURNING 1`,
      [ids],
    )
    return rows.length > 0
  }

  /** Locks tickets, before their tasks: a claim locks them in this order. */
  async lock(tx: Statements, ids: readonly string[]): Promise<void> {
    await tx.query(
      `SELECT FROM pgboss.job WHERE name = '${QUEUE}' AND id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
      [ids],
    )
  }

  /** Locks tickets that were taken; the reply is those that nobody else has taken since. */
  async lockHeld(tx: Statements, held: readonly HeldTicket[]): Promise<readonly HeldTicket[]> {
    if (held.length === 0) return []
    const rows = await tx.query<{ id: string; retryCount: number }>(
      `SELECT id::text AS id, retry_count AS "retryCount" FROM pgboss.job
        WHERE name = '${QUEUE}' AND state = 'active' AND id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE`,
      [held.map(({ id }) => id)],
    )
    const attempts = new Map(rows.map(({ id, retryCount }) => [id, retryCount]))
    return held.filter(({ id, retryCount }) => attempts.get(id) === retryCount)
  }

  /** Reports tickets as held; the reply is the ids of those that still are. */
  async touch(held: readonly HeldTicket[]): Promise<ReadonlySet<string>> {
    if (held.length === 0) return new Set()
    const reply = (await this.#boss.touch(QUEUE, [...held])) as { readonly settled?: readonly string[] }
    return new Set(reply.settled)
  }

  /** Gives held tickets back: the next holder gets them, in the order of before. */
  async giveBack(tx: Statements, held: readonly HeldTicket[]): Promise<void> {
    if (held.length > 0) await this.#boss.fail(QUEUE, [...held], null, { db: toBossDb(tx) })
  }

  /** Tickets that are held for tasks of this member. */
  async heldBy(tx: Statements, member: number): Promise<readonly HeldTicket[]> {
    return tx.query<{ id: string; retryCount: number }>(
      `SELECT job.id::text AS id, job.retry_count AS "retryCount" FROM pgboss.job
        JOIN headgate.tasks ON tasks.id = job.id::text
        WHERE job.name = '${QUEUE}' AND job.state = 'active' AND tasks.member = $1`,
      [member],
    )
  }

  /**
   * Takes tickets back from holders that have not reported. The look of pg-boss itself, `supervise`, counts everything
   * that waits, too: with a million tickets that takes longer than the second until the next look.
   */
  async giveBackSilent(db: Database): Promise<void> {
    if ((await db.query(SILENT)).length === 0) return
    await db.transaction(async (tx) => {
      // Another process may do the same.
      await this.giveBack(
        tx,
        await tx.query<{ id: string; retryCount: number }>(`${SILENT} FOR UPDATE SKIP LOCKED`),
      )
    })
  }
}

/** Found by the index of states: what waits is not looked at. */
const SILENT = `SELECT id::text AS id, retry_count AS "retryCount" FROM pgboss.job_common
  WHERE name = '${QUEUE}' AND state = 'active'
    AND heartbeat_on < pgboss.job_now() - interval '${HEARTBEAT_S} seconds' LIMIT ${MAX_SILENT}`

/** Everything of pg-boss's fetch but the columns that it returns. */
const FETCH = `WITH next AS ( SELECT j.id FROM pgboss.job_common j WHERE j.name = '${QUEUE}' AND j.state < 'active'
  AND NOT j.blocked AND j.start_after <= pgboss.job_now() ORDER BY j.priority desc, j.created_on LIMIT $count
  FOR UPDATE OF j SKIP LOCKED ) UPDATE pgboss.job_common j SET state = 'active', started_on = pgboss.job_now(),
  heartbeat_on = pgboss.job_now(),
  retry_count = CASE WHEN started_on IS NOT NULL THEN retry_count + 1 ELSE retry_count END
  FROM next WHERE name = '${QUEUE}' AND j.id = next.id RETURNING j.id, name, data, retry_count as "retryCount",`

export function isKnownFetch(text: string, count: number): boolean {
  const known = FETCH.replace('$count', `${count}`)
  return toOneLine(text).startsWith(toOneLine(known))
}

function toOneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

/** pg-boss works in our transaction. */
function toBossDb(tx: Statements) {
  return {
    executeSql: async (text: string, values: unknown[] = []) => ({
      rows: [...(await tx.query(text, values as Value[]))],
    }),
  }
}
