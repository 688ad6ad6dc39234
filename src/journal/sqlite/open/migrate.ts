import { constants, copyFileSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { JournalFiles } from './files.ts'
import { syncPathSync } from '../../../sync-path.ts'

/** A copy that is still being written: only a whole one has its name. */
const UNFINISHED = '.unfinished'

export function readVersion(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
}

/**
 * Takes the steps that a journal has not taken yet, all in one transaction: a process that is killed meanwhile leaves
 * the journal as it was. A journal that holds something is copied first; the reply is the name of the copy.
 */
export function migrate(db: DatabaseSync, files: JournalFiles, steps: readonly string[]): string | null {
  const version = readVersion(db)
  if (version === steps.length) return null
  const copy = version === 0 ? null : keepCopy(db, files, version)
  const missing = steps.slice(version).join(';')
  db.exec(`BEGIN IMMEDIATE; ${missing}; PRAGMA user_version = ${steps.length}; COMMIT`)
  return copy
}

/** One copy of each old journal, however often its migration is killed and begun again. */
function keepCopy(db: DatabaseSync, { folder, journal }: JournalFiles, version: number): string {
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const prefix = `journal-v${version}-`
  const names = readdirSync(folder).filter((name) => name.startsWith(prefix))
  for (const name of names) if (name.endsWith(UNFINISHED)) rmSync(join(folder, name))
  const current = statSync(journal)
  const kept = names.find(
    (name) => name.endsWith('.db') && isUnchanged(current, statSync(join(folder, name))),
  )
  if (kept !== undefined) return join(folder, kept)
  const stamp = new Date().toISOString().replaceAll(':', '-').slice(0, 19)
  const copy = join(folder, `${prefix}${stamp}.db`)
  const unfinished = `${copy}${UNFINISHED}`
  try {
    copyFileSync(journal, unfinished, constants.COPYFILE_FICLONE)
    syncPathSync(unfinished)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
  renameSync(unfinished, copy)
  syncPathSync(folder)
  return copy
}

interface FileState {
  readonly size: number
  readonly mtimeMs: number
}

/** Whether nothing was written to the journal since it was copied. */
function isUnchanged(journal: FileState, copy: FileState): boolean {
  return copy.size === journal.size && copy.mtimeMs >= journal.mtimeMs
}
