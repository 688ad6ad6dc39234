import { lstatSync, readdirSync } from 'node:fs'
import { lstat, readdir, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HeadgateError } from '../task/errors.ts'

/** A UUID of ours, the ending of a document that was fetched for a task, and that of a file not yet complete. */
const OWN_NAME = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?:\.fetched)?(?:\.part)?$/

/** Names that a refusal lists. */
const MAX_LISTED = 5

/**
 * Checks that a folder of uploads, if there is one, is a folder and holds nothing but files of ours: what is not
 * ours must not be removed, nor served.
 *
 * @throws HeadgateError `invalid-setting` that names the folder and what was found
 */
export function assertOwnFolder(folder: string): void {
  const found = look(folder)
  if (found === undefined) return
  if (found.isSymbolicLink() || !found.isDirectory()) {
    const what = `${folder} is ${found.isSymbolicLink() ? 'a symbolic link' : 'not a folder'}`
    const fix = 'Set DATA_DIR to a folder on the disk that you want, or mount that disk there.'
    throw new HeadgateError(
      'invalid-setting',
      `DATA_DIR: ${what}; uploads need a folder of their own. ${fix}`,
    )
  }
  const strange = readdirSync(folder, { withFileTypes: true }).filter(
    (entry) => !entry.isFile() || !OWN_NAME.test(entry.name),
  )
  if (strange.length === 0) return
  const names = strange.slice(0, MAX_LISTED).map(({ name }) => name)
  const list = `${names.join(', ')}${strange.length > MAX_LISTED ? ', …' : ''}`
  const fix = 'Set DATA_DIR to a folder that nothing else uses, or move these away.'
  throw new HeadgateError(
    'invalid-setting',
    `DATA_DIR: ${folder} holds what is not of Headgate: ${list}. ${fix}`,
  )
}

/** What lies at a path; undefined for nothing, or where nothing can be made: that is reported by who makes it. */
function look(path: string) {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Removes one plain file with a name of ours; false: it is not one, or it could not be removed. */
export async function removeOwnFile(folder: string, name: string): Promise<boolean> {
  if (!OWN_NAME.test(name)) return false
  const path = join(folder, name)
  try {
    if (!(await lstat(path)).isFile()) return false
    await rm(path)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/** Removes our files in a folder, then the folder if it is empty. A link is left alone. */
export async function removeFolder(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined)
  if (found?.isDirectory() !== true) return
  for (const name of await readdir(folder)) await removeOwnFile(folder, name)
  await rmdir(folder).catch(() => undefined)
}
