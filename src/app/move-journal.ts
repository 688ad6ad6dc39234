import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Database } from '../cluster/database/database.ts'
import type { MoveProgress, MoveResult } from '../cluster/move/move.ts'
import type { Settings } from '../config/settings.ts'
import { CLUSTER_PACKAGES, VERSION } from '../package.ts'
import { assertInstalled, openBlobs } from './connect-database.ts'

export interface MoveEnds {
  /** `postgres://user:password@host:port/database` */
  readonly url: string
  /** Of data. */
  readonly folder: string
}

export interface Moved extends MoveResult {
  /** Where the tasks are now: the folder, or the database without user and password. */
  readonly place: string
}

type Report = (progress: MoveProgress) => void

/** Moves the journal of a folder into a database. */
export async function moveToDatabase(ends: MoveEnds, settings: Settings, report: Report): Promise<Moved> {
  const place = toPlace(ends.url)
  return withDatabase(ends.url, settings, async (db, blobs) => {
    const [{ Tickets }, { PostgresTarget }, { moveJournal }, { createUploadExport }, { JournalExport }] =
      await Promise.all([
        import('../cluster/tickets.ts'),
        import('../cluster/move/postgres-target.ts'),
        import('../cluster/move/move.ts'),
        import('../cluster/move/move-uploads.ts'),
        import('../journal/sqlite/export.ts'),
      ])
    const folder = resolve(ends.folder)
    using source = new JournalExport(folder, place)
    const tickets = new Tickets({ url: ends.url, onError })
    try {
      const { headStartMs } = settings
      const oldestAt = source.oldestUnfinished() ?? Date.now()
      const target = new PostgresTarget({ db, tickets, headStartMs, version: VERSION, oldestAt })
      const moveUpload = createUploadExport(folder, blobs)
      return { ...(await moveJournal({ source, target, moveUpload, report })), place }
    } finally {
      await tickets.stop().catch(() => undefined)
    }
  })
}

/** The way back: moves what a database holds into a folder. */
export async function moveToFolder(ends: MoveEnds, settings: Settings, report: Report): Promise<Moved> {
  return withDatabase(ends.url, settings, async (db, blobs) => {
    const [{ PostgresSource }, { SqliteTarget }, { moveJournal }, { createUploadImport }, { JournalImport }] =
      await Promise.all([
        import('../cluster/move/postgres-source.ts'),
        import('../cluster/move/sqlite-target.ts'),
        import('../cluster/move/move.ts'),
        import('../cluster/move/move-uploads.ts'),
        import('../journal/sqlite/import.ts'),
      ])
    const place = resolve(ends.folder)
    using journal = new JournalImport(place)
    const source = await PostgresSource.open(db, `${place} on ${hostname()}`)
    const target = new SqliteTarget(journal)
    const moveUpload = await createUploadImport(place, blobs)
    return { ...(await moveJournal({ source, target, moveUpload, report })), place }
  })
}

/** A move that loses its connection is tried so many times; each try continues where the one before ended. */
const MAX_TRIES = 5
const RETRY_MS = 1000

type Blobs = NonNullable<Awaited<ReturnType<typeof openBlobs>>>

async function withDatabase<Reply>(
  url: string,
  settings: Settings,
  work: (db: Database, blobs: Blobs) => Promise<Reply>,
): Promise<Reply> {
  assertInstalled(CLUSTER_PACKAGES)
  const { isAway, toHeadgateError } = await import('../cluster/database/database.ts')
  for (let left = MAX_TRIES - 1; ; left -= 1) {
    try {
      return await tryWithDatabase(url, settings, work)
    } catch (error) {
      if (left === 0 || !isAway(toHeadgateError(error))) throw error
      await setTimeout(RETRY_MS)
    }
  }
}

async function tryWithDatabase<Reply>(
  url: string,
  settings: Settings,
  work: (db: Database, blobs: Blobs) => Promise<Reply>,
): Promise<Reply> {
  const [{ Database: Connections }, { DatabaseBlobs }] = await Promise.all([
    import('../cluster/database/database.ts'),
    import('../cluster/database/database-blobs.ts'),
  ])
  const db = new Connections({ url, connections: 2, prepares: settings.isPreparing, onError })
  try {
    const blobs = (await openBlobs(settings)) ?? new DatabaseBlobs(db)
    await blobs.start()
    return await work(db, blobs)
  } finally {
    await db.close()
  }
}

/** The statement that it fails says so. */
function onError(): void {}

function toPlace(url: string): string {
  const { host, pathname } = new URL(url)
  return `postgres://${host}${pathname}`
}
