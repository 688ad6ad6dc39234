import { fileURLToPath } from 'node:url'
import type { Database } from '../cluster/database/database.ts'
import { CLUSTER_PACKAGES, findMissing, installCommand, S3_PACKAGES } from '../package.ts'
import { HeadgateError } from '../task/errors.ts'
import type { Blobs } from '../uploads/blobs.ts'
import { FolderBlobs } from '../uploads/folder-blobs.ts'
import { SharedStore } from '../uploads/shared-store.ts'
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
  const { databaseUrl, role, isFair, headStartMs, databaseConnections, isPreparing } = settings
  if (databaseUrl === '') {
    if (role !== 'serve') throw refused(`ROLE="${role}": it needs DATABASE_URL.`)
    if (settings.uploadsUrl !== '') throw refused('UPLOADS_URL: it needs DATABASE_URL.')
    return { db: null, uploadStore: local }
  }
  assertInstalled(CLUSTER_PACKAGES, 'DATABASE_URL: packages')
  if (isFair && headStartMs > 0)
    throw refused('FAIR_CALLERS="true": with DATABASE_URL it does not go with PRIORITY_HEADSTART_SECONDS.')
  const [{ Database: Connections }, { DatabaseBlobs, findNamedUploads }] = await Promise.all([
    import('../cluster/database/database.ts'),
    import('../cluster/database/database-blobs.ts'),
  ])
  const db = new Connections({
    url: databaseUrl,
    connections: databaseConnections,
    prepares: isPreparing,
    onError: (error) => log.warn({ err: error }, 'a connection to PostgreSQL failed'),
  })
  const blobs = (await openBlobs(settings)) ?? new DatabaseBlobs(db)
  const findNamed = (ids: readonly string[]) => findNamedUploads(db, ids)
  return { db, uploadStore: new SharedStore({ local, blobs, findNamed }) }
}

/** Where UPLOADS_URL keeps files; null: in the database. */
export async function openBlobs({
  uploadsUrl,
  s3KeyId,
  s3Secret,
}: AppOptions['settings']): Promise<Blobs | null> {
  if (uploadsUrl === '') return null
  if (uploadsUrl.startsWith('file:')) return new FolderBlobs(fileURLToPath(uploadsUrl))
  assertInstalled(S3_PACKAGES, 'UPLOADS_URL: packages')
  const { S3Blobs } = await import('../uploads/s3-blobs.ts')
  return new S3Blobs({ url: uploadsUrl, accessKeyId: s3KeyId, secretAccessKey: s3Secret })
}

/** @param what is missing, in the words of the refusal */
export function assertInstalled(packages: readonly string[], what = 'Packages'): void {
  const missing = findMissing(packages)
  if (missing.length > 0) throw refused(`${what} are missing. ${installCommand(missing)}`)
}

function refused(message: string): HeadgateError {
  return new HeadgateError('invalid-setting', message)
}
