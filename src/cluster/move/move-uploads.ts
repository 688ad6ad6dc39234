import { createHash } from 'node:crypto'
import type { NamedUpload } from '../../journal/sqlite/export.ts'
import type { Upload } from '../../task/task.ts'
import type { Blobs } from '../../uploads/blobs.ts'
import type { UploadStore } from '../../uploads/upload-store.ts'

export interface MovedUploads {
  readonly count: number
  /** Ids of tasks whose file is missing, or not as it came: it fails there as it would have here. */
  readonly missing: readonly string[]
}

/** Puts files where the processes will look for them, those that are there already aside, and reads each back. */
export async function moveUploads(
  { from, to }: { readonly from: Pick<UploadStore, 'open'>; readonly to: Blobs },
  named: Iterable<NamedUpload>,
  report: (done: number) => void,
): Promise<MovedUploads> {
  const missing: string[] = []
  let count = 0
  for (const { taskId, upload } of named) {
    const path = await from.open(upload).catch(() => null)
    if (path === null) {
      missing.push(taskId)
      continue
    }
    await moveUpload(to, upload, path)
    count += 1
    report(count)
  }
  return { count, missing }
}

async function moveUpload(to: Blobs, upload: Upload, path: string): Promise<void> {
  if (await isThere(to, upload)) return
  await to.remove(upload.spoolId)
  await to.put(upload, path)
  if (!(await isThere(to, upload))) throw new Error(`The upload ${upload.spoolId} was not written as it is.`)
}

async function isThere(blobs: Blobs, { spoolId, sha256 }: Upload): Promise<boolean> {
  const hash = createHash('sha256')
  for await (const part of blobs.read(spoolId)) hash.update(part)
  return hash.digest('hex') === sha256
}
