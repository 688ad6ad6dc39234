import { resolve } from 'node:path'
import type { MoveProgress, MoveResult } from '../cluster/move/move.ts'
import type { Settings } from '../config/settings.ts'
import { assertInstalled, openBlobs } from './connect-database.ts'
import { CLUSTER_PACKAGES, VERSION } from '../package.ts'

export interface Moved extends MoveResult {
  /** The database, without user and password. */
  readonly place: string
}

/** Moves the journal of DATA_DIR into a database. @param url `postgres://user:password@host:port/database` */
export async function moveJournalTo(
  url: string,
  settings: Settings,
  report: (progress: MoveProgress) => void,
): Promise<Moved> {
  assertInstalled(CLUSTER_PACKAGES)
  const [{ Database }, { DatabaseBlobs }, { Tickets }, { moveJournal }] = await Promise.all([
    import('../cluster/database/database.ts'),
    import('../cluster/database/database-blobs.ts'),
    import('../cluster/tickets.ts'),
    import('../cluster/move/move.ts'),
  ])
  // The statement that it fails says so.
  const onError = () => undefined
  const { host, pathname } = new URL(url)
  const place = `postgres://${host}${pathname}`
  const db = new Database({ url, connections: 2, prepares: settings.isPreparing, onError })
  const tickets = new Tickets({ url, onError })
  try {
    const { headStartMs, dataDir } = settings
    const folder = resolve(dataDir)
    const blobs = (await openBlobs(settings)) ?? new DatabaseBlobs(db)
    const about = { headStartMs, version: VERSION, place, report }
    const moved = await moveJournal({ folder, db, tickets, blobs, ...about })
    return { ...moved, place }
  } finally {
    await tickets.stop().catch(() => undefined)
    await db.close()
  }
}
