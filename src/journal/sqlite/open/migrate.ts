import { copyFileSync, constants } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { JournalFiles } from './files.ts'
import { syncFolder } from './folder.ts'

export function readVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
}

/**
 * Takes the steps that a journal has not taken yet, each in a transaction of its own. A journal that holds
 * something is copied first; the reply is the name of the copy.
 */
export function migrate(db: DatabaseSync, files: JournalFiles, steps: readonly string[]): string | null {
  const version = readVersion(db)
  if (version === steps.length) return null
  const copy = version === 0 ? null : copyOf(db, files, version)
  for (const [index, step] of steps.entries()) {
    if (index < version) continue
    db.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`)
  }
  return copy
}

function copyOf(db: DatabaseSync, { folder, journal }: JournalFiles, version: number): string {
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const stamp = new Date().toISOString().replaceAll(':', '-').slice(0, 19)
  const copy = join(folder, `journal-v${version}-${stamp}.db`)
  copyFileSync(journal, copy, constants.COPYFILE_EXCL)
  syncFolder(folder)
  return copy
}
