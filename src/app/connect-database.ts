import type { Database } from '../cluster/database/database.ts'
import { CLUSTER_PACKAGES, findMissing, installCommand } from '../package.ts'
import { HeadgateError } from '../task/errors.ts'
import type { UploadStore } from '../uploads/upload-store.ts'
import type { AppOptions } from './app-options.ts'

export interface Connected {
  /** null: this process is alone, with a journal of its own. */
  readonly db: Database | null
  readonly uploadStore: UploadStore
}

/**
 * The connections to PostgreSQL, and the store of uploads over them, where DATABASE_URL names one; without it nothing of
 * them is loaded.
 *
 * @param local the store on this machine
 * @throws HeadgateError `invalid-setting` for settings that do not go together, or packages that are not installed.
 */
export async function connectDatabase(
  { settings, log }: Pick<AppOptions, 'settings' | 'log'>,
  local: UploadStore,
): Promise<Connected> {
  const { databaseUrl, role, isFair, databaseConnections, isPreparing } = settings
  if (databaseUrl === '') {
    if (role !== 'serve') throw refused(`ROLE="${role}": it needs DATABASE_URL.`)
    return { db: null, uploadStore: local }
  }
  const missing = findMissing(CLUSTER_PACKAGES)
  if (missing.length > 0) throw refused(`DATABASE_URL: packages are missing. ${installCommand(missing)}`)
  if (isFair) throw refused('FAIR_CALLERS="true": with DATABASE_URL callers cannot take turns yet.')
  const [{ Database: Connections }, { DatabaseStore }] = await Promise.all([
    import('../cluster/database/database.ts'),
    import('../cluster/database/database-store.ts'),
  ])
  const db = new Connections({
    url: databaseUrl,
    connections: databaseConnections,
    prepares: isPreparing,
    onError: (error) => log.warn({ err: error }, 'a connection to PostgreSQL failed'),
  })
  return { db, uploadStore: new DatabaseStore(db, local) }
}

function refused(message: string): HeadgateError {
  return new HeadgateError('invalid-setting', message)
}
