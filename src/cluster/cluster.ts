import type { Logger } from 'pino'
import type { EventBus } from '../events/event-bus.ts'
import type { Journal } from '../journal/journal.ts'
import { HeadgateError } from '../task/errors.ts'
import type { Clock } from '../time/clock.ts'
import { isAway, toHeadgateError, type Database } from './database/database.ts'
import { createPostgresJournal } from './journal/postgres-journal.ts'
import { deliveriesOfLeader, Leader } from './members/leader.ts'
import { join, leave, type MemberKind, type MemberOptions } from './members/members.ts'
import { migrate } from './database/migrate.ts'
import { detectPooling, type Pooling } from './database/pooling.ts'
import { assertNoMove } from './move/move-note.ts'
import { Publisher } from './hints/publisher.ts'
import { Tickets } from './tickets.ts'

export interface ClusterOptions extends MemberOptions {
  readonly url: string
  /** The same database, for the connection that listens. */
  readonly listenUrl: string
  /** Whether statements are prepared by name. */
  readonly prepares: boolean
  /** Whether a database that does not wait for its disk is taken. */
  readonly isUnsafeAllowed: boolean
  readonly bus: EventBus
  readonly clock: Clock
  readonly log: Logger
}

/** This process as a member: its connections, its tables, its number. */
export interface Cluster {
  readonly listenUrl: string
  readonly kind: MemberKind
  readonly name: string
  readonly db: Database
  readonly tickets: Tickets
  readonly publisher: Publisher
  readonly leader: Leader
  readonly journal: Journal
  /** Its number among the members. */
  readonly member: number
}

/** How long a start waits for the database. */
const START_WAIT_MS = 60_000
const START_RETRY_MS = 500
/** A clock that is further off than this is warned of: instants of other machines are compared with it. */
const MAX_SKEW_MS = 2000

/**
 * Makes the tables that are missing, and joins the cluster.
 *
 * @throws HeadgateError `journal-unavailable` when the database cannot be reached, `journal-too-new` when a newer version
 *   has migrated it, `invalid-setting` when it would lose what it has confirmed, `move-unfinished` when tasks are missing,
 *   `journal-moved` when they are somewhere else.
 */
export async function openCluster(db: Database, options: ClusterOptions): Promise<Cluster> {
  const { url, kind, bus, log } = options
  const onError = (error: Error) => log.warn({ err: error }, 'a connection to PostgreSQL failed')
  const tickets = new Tickets({ url, onError })
  try {
    await prepare(db, options)
    await tickets.start()
    const member = await enter(db, options)
    const leader = new Leader()
    const journal = createPostgresJournal(db, member)
    return {
      listenUrl: options.listenUrl,
      kind,
      name: options.name,
      db,
      tickets,
      publisher: new Publisher({ db, bus, clock: options.clock }),
      leader,
      member,
      journal: {
        ...journal,
        deliveries: deliveriesOfLeader(journal.deliveries, leader),
        [Symbol.asyncDispose]: async () => {
          await leave(db, member).catch(() => undefined)
          await tickets.stop()
          await db.close()
        },
      },
    }
  } catch (error) {
    await tickets.stop().catch(() => undefined)
    await db.close()
    if (error instanceof HeadgateError) throw error
    throw new HeadgateError('journal-unavailable', `PostgreSQL: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** A move leaves its note before it looks for members, so that one of the two finds the other. */
async function enter(db: Database, options: ClusterOptions): Promise<number> {
  const member = await join(db, options)
  try {
    await assertNoMove(db)
    return member
  } catch (error) {
    await leave(db, member)
    throw error
  }
}

async function prepare(db: Database, options: ClusterOptions): Promise<void> {
  await assertPooling(await whenReachable(options), db, options)
  await assertDurable(db, options)
  await migrate(db)
  await assertNoMove(db)
}

/** Machines start in any order: the database is waited for. */
async function whenReachable({ url, clock, log }: ClusterOptions): Promise<Pooling> {
  const until = clock.monotonic() + START_WAIT_MS
  for (let tries = 0; ; tries += 1) {
    try {
      return await detectPooling(url)
    } catch (thrown) {
      const error = toHeadgateError(thrown)
      if (!isAway(error) || clock.monotonic() > until) throw error
      if (tries === 0) log.warn({ err: error }, 'PostgreSQL is not there yet: it is waited for')
      await new Promise<void>((resolve) => setTimeout(resolve, START_RETRY_MS))
    }
  }
}

/** Where a pooler gives each transaction another connection, what needs a session has to go past it. */
async function assertPooling(
  { kind, keepsStatements }: Pooling,
  db: Database,
  { url, listenUrl, prepares, log }: ClusterOptions,
): Promise<void> {
  const why = 'DATABASE_URL is a pooler that gives each transaction another connection'
  if (prepares && !keepsStatements)
    throw new HeadgateError('invalid-setting', `${why}, without prepared statements: DATABASE_PREPARE=false.`)
  const listens = listenUrl === url ? kind : (await detectPooling(listenUrl)).kind
  if (listens === 'transaction') {
    const detail = `${why}: DATABASE_LISTEN_URL has to be the address of PostgreSQL itself, for notifications and locks.`
    throw new HeadgateError('invalid-setting', detail)
  }
  if (kind !== 'transaction') return
  const [row] = await db.query<{ timeout: string }>(`SELECT current_setting('statement_timeout') AS timeout`)
  if (row?.timeout === '0')
    log.warn(
      'statement_timeout is 0: set it for the role, as docs/cluster.md says, because a pooler is between',
    )
}

/** What was answered 202 has to be on a disk. */
async function assertDurable(db: Database, { isUnsafeAllowed, clock, log }: ClusterOptions): Promise<void> {
  const [row] = await db.query<{ fsync: string; commit: string; now: number }>(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`,
  )
  if (row === undefined) return
  const skewMs = clock.now() - row.now
  if (Math.abs(skewMs) > MAX_SKEW_MS)
    log.warn({ skewMs }, 'the clock of this machine is not that of PostgreSQL')
  const unsafe = row.fsync === 'off' ? 'fsync' : row.commit === 'off' ? 'synchronous_commit' : null
  if (unsafe === null) return
  const detail = `DATABASE_URL: PostgreSQL has ${unsafe} = off, so that it can lose what it has confirmed`
  if (!isUnsafeAllowed)
    throw new HeadgateError('invalid-setting', `${detail}. UNSAFE_DATABASE=true takes it.`)
  log.warn(`${detail}: taken by UNSAFE_DATABASE=true`)
}
