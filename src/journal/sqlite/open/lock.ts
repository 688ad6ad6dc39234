import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { HeadgateError } from '../../../task/errors.ts'
import { sizeOfFile } from './folder.ts'

const OWNER_ONLY = 0o600
const BUSY = 5

/**
 * Holds the journal for this process until the reply is closed, or the process ends in whatever way: the
 * system's own file lock, taken through SQLite. The journal itself stays readable, for a backup.
 *
 * @throws HeadgateError `journal-in-use`
 */
export function takeLock(path: string): Disposable {
  // Once it is there it is not opened here again: closing a file gives back the locks that its process holds on it.
  if (sizeOfFile(path) === undefined) closeSync(openSync(path, 'a', OWNER_ONLY))
  const db = new DatabaseSync(path, { timeout: 0 })
  try {
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (toPrimaryCode(error) !== BUSY) throw error
    throw new HeadgateError('journal-in-use', `Another process uses the journal beside ${path}.`)
  }
  return db
}

/** SQLite's own number of an error, without its refinement; undefined when it is not SQLite's. */
export function toPrimaryCode(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: number }
  return errcode === undefined ? undefined : errcode & 0xff
}
