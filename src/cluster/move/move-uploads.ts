import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { TaskError } from '../../task/failure.ts'
import type { Upload } from '../../task/task.ts'
import type { Blobs } from '../../uploads/blobs.ts'
import { FolderStore } from '../../uploads/folder-store.ts'
import { SharedStore } from '../../uploads/shared-store.ts'

/** Where the files of uploads lie in a data folder. */
const UPLOADS = 'spool'

type MoveUpload = (upload: Upload) => Promise<boolean>

/** From a data folder to where processes will look for files; those that are there already aside. Each is read back. */
export function createUploadExport(folder: string, to: Blobs): MoveUpload {
  const from = new FolderStore(join(folder, UPLOADS))
  return async (upload) => {
    const path = await from.open(upload).catch(() => null)
    if (path === null) return false
    if (await isThere(to, upload)) return true
    await to.remove(upload.spoolId)
    await to.put(upload, path)
    if (await isThere(to, upload)) return true
    throw new Error(`The upload ${upload.spoolId} was not written as it is.`)
  }
}

/** The way back; a store that is away is waited for, for a moment. */
export async function createUploadImport(folder: string, blobs: Blobs): Promise<MoveUpload> {
  const local = new FolderStore(join(folder, UPLOADS))
  await local.start()
  const store = new SharedStore({ local, blobs, findNamed: (ids) => Promise.resolve(new Set(ids)) })
  return async (upload) => {
    try {
      await store.open(upload)
      return true
    } catch (error) {
      if (!(error instanceof TaskError)) throw error
      await local.remove(upload)
      return false
    }
  }
}

async function isThere(blobs: Blobs, { spoolId, sha256 }: Upload): Promise<boolean> {
  const hash = createHash('sha256')
  for await (const part of blobs.read(spoolId)) hash.update(part)
  return hash.digest('hex') === sha256
}
