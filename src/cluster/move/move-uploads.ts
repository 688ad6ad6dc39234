import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { NamedUpload } from '../../journal/sqlite/export.ts'
import type { Upload } from '../../task/task.ts'
import { readParts, writeParts } from '../database/database-blobs.ts'
import type { Database } from '../database/database.ts'

/** Where the files of uploads lie in a data folder. */
const UPLOADS = 'spool'

export interface MovedUploads {
  readonly count: number
  /** Ids of tasks whose file is missing, or not as it came: it fails there as it would have here. */
  readonly missing: readonly string[]
}

/** Writes files that are not in the database yet, each in one transaction, and reads each back from it. */
export async function moveUploads(
  db: Database,
  folder: string,
  named: Iterable<NamedUpload>,
  report: (done: number) => void,
): Promise<MovedUploads> {
  const missing: string[] = []
  let count = 0
  for (const { taskId, upload } of named) {
    const path = join(folder, UPLOADS, upload.spoolId)
    const isWhole = existsSync(path) && (await computeDigest(createReadStream(path))) === upload.sha256
    if (!isWhole) {
      missing.push(taskId)
      continue
    }
    await moveUpload(db, upload, path)
    count += 1
    report(count)
  }
  return { count, missing }
}

async function moveUpload(db: Database, upload: Upload, path: string): Promise<void> {
  if (await isThere(db, upload)) return
  await db.transaction(async (tx) => {
    await tx.query('DELETE FROM headgate.uploads WHERE id = $1', [upload.spoolId])
    await writeParts(tx, upload.spoolId, path)
  })
  if (!(await isThere(db, upload))) throw new Error(`The upload ${upload.spoolId} was not written as it is.`)
}

async function isThere(db: Database, { spoolId, sha256 }: Upload): Promise<boolean> {
  return (await computeDigest(readParts(db, spoolId))) === sha256
}

async function computeDigest(parts: AsyncIterable<unknown>): Promise<string> {
  const hash = createHash('sha256')
  for await (const part of parts) hash.update(part as Buffer)
  return hash.digest('hex')
}
