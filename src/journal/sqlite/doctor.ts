import { existsSync, mkdirSync, readdirSync, renameSync, statfsSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { HeadgateError } from '../../task/errors.ts'
import type { Finding } from '../finding.ts'
import { MIGRATIONS } from './schema.ts'
import { filesIn, type JournalFiles } from './open/files.ts'
import { sizeOfFile } from './open/folder.ts'
import { takeLock } from './open/lock.ts'
import { assertWhole, lookAt, quickCheck } from './open/open.ts'
import { syncPathSync } from '../../sync-path.ts'

const MB = 1024 * 1024
const LOW_DISK_BYTES = 256 * MB
const SET_ASIDE =
  'Restore the folder from a backup; or begin anew with headgate doctor --set-aside, which keeps what is here beside it.'

const WAYS_OUT: Readonly<Record<string, string>> = {
  'journal-missing': `Put journal.db and journal.db-wal back where they were. ${SET_ASIDE}`,
  'restore-unfinished': 'Repeat the restore: headgate restore FOLDER.',
  'journal-moved':
    'Set DATABASE_URL. To use this journal again, remove journal.moved: its tasks would run twice.',
  'move-unfinished': 'Repeat headgate move, to its end; or move into another folder.',
  'journal-too-new': 'Start the version that wrote it, or a newer one.',
  'journal-corrupt': `Copy the folder first. ${SET_ASIDE}`,
}

/** Looks at a journal's folder and changes nothing: each part that is sound, or not, and the way out. */
export function diagnose(folder: string): readonly Finding[] {
  if (!existsSync(folder))
    return [{ about: 'folder', detail: `${folder} is not there: the first start makes it` }]
  const files = filesIn(folder)
  const findings = [...lookAtFolder(files), ...lookAtModes(files), lookAtDisk(folder)]
  const isInUse = isHeld(files)
  if (isInUse) findings.push({ about: 'lock', detail: 'a server uses the journal now' })
  const fault = findFault(() => void lookAt(files, MIGRATIONS.length))
  // What a server is writing at this moment may look cut off.
  if (fault !== undefined && !isInUse) return [...findings, fault]
  if ((sizeOfFile(files.journal) ?? 0) === 0)
    return [...findings, { about: 'journal', detail: 'there is none yet: the first start makes it' }]
  return [...findings, ...lookInside(files)]
}

/**
 * Moves journal and uploads into a folder beside them, so that the next start begins anew.
 * @returns that folder; null: there was nothing to move
 * @throws HeadgateError `journal-in-use`
 */
export function setAside(folder: string): string | null {
  const files = filesIn(folder)
  const shm = `${files.journal}-shm`
  const kept = [files.journal, files.wal, shm, files.marker, files.moved, join(folder, 'spool')]
  const there = kept.filter((path) => existsSync(path))
  if (there.length === 0) return null
  const lock = takeLock(files.lock)
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-').slice(0, 23)
  const aside = join(folder, `set-aside-${stamp}`)
  mkdirSync(aside, 0o700)
  for (const path of there) renameSync(path, join(aside, basename(path)))
  syncPathSync(folder)
  lock[Symbol.dispose]()
  return aside
}

function lookAtFolder({ folder }: JournalFiles): Finding[] {
  const mode = statSync(folder).mode & 0o777
  const detail = `${folder}, mode ${mode.toString(8)}`
  if ((mode & 0o002) === 0) return [{ about: 'folder', detail }]
  return [{ about: 'folder', detail: `${detail}: anybody may write to it`, fix: `chmod 700 ${folder}` }]
}

/** Journal, uploads and tokens are for the service alone: tasks hold what callers have sent. */
function lookAtModes({ folder, journal, wal }: JournalFiles): Finding[] {
  const uploads = join(folder, 'spool')
  const names = existsSync(uploads) ? readdirSync(uploads) : []
  const paths = [journal, wal, join(folder, 'tokens.json'), ...names.map((name) => join(uploads, name))]
  const open = paths.filter((path) => ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o077) !== 0)
  if (open.length === 0)
    return [{ about: 'modes', detail: 'journal, uploads and tokens are for their owner alone' }]
  const shown = open.slice(0, 3).join(', ')
  const detail = `others may read or write ${open.length} files: ${shown}`
  return [{ about: 'modes', detail, fix: `chmod 600 ${shown}` }]
}

function lookAtDisk(folder: string): Finding {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  const detail = `${Math.floor(free / MB)} MB free`
  if (free >= LOW_DISK_BYTES) return { about: 'disk', detail }
  return { about: 'disk', detail, fix: 'Make room, or shorten RESULT_RETENTION_HOURS and its kin.' }
}

function isHeld({ lock }: JournalFiles): boolean {
  if (sizeOfFile(lock) === undefined) return false
  try {
    takeLock(lock)[Symbol.dispose]()
    return false
  } catch (error) {
    if (error instanceof HeadgateError && error.code === 'journal-in-use') return true
    throw error
  }
}

function findFault(look: () => void): Finding | undefined {
  try {
    look()
    return undefined
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error
    return { about: 'journal', detail: error.message, fix: WAYS_OUT[error.code] ?? SET_ASIDE }
  }
}

function lookInside(files: JournalFiles): Finding[] {
  const db = new DatabaseSync(files.journal, { readOnly: true, timeout: 5000 })
  try {
    const damage = findFault(() => quickCheck(db))
    if (damage !== undefined) return [damage]
    const halfMoved = findFault(() => assertWhole(db, files.folder))
    if (halfMoved !== undefined) return [halfMoved]
    const counts = db
      .prepare('SELECT status, count(*) AS count FROM tasks GROUP BY status ORDER BY status')
      .all()
      .map(({ status, count }) => `${String(count)} ${String(status)}`)
    const size = `${((sizeOfFile(files.journal) ?? 0) / MB).toFixed(1)} MB`
    return [
      { about: 'journal', detail: `sound, ${size}: ${counts.join(', ') || 'no tasks'}` },
      ...lookAtUploads(db, join(files.folder, 'spool')),
    ]
  } finally {
    db.close()
  }
}

function lookAtUploads(db: DatabaseSync, uploadStore: string): Finding[] {
  const there = new Set(existsSync(uploadStore) ? readdirSync(uploadStore) : [])
  const named = db
    .prepare('SELECT id, spool_id FROM tasks WHERE spool_id IS NOT NULL AND finished_at IS NULL')
    .all()
  const lost = named.filter(({ spool_id: id }) => !there.has(String(id)))
  if (lost.length === 0)
    return [{ about: 'uploads', detail: `${named.length} of tasks that wait or run, all there` }]
  const ids = lost.map(({ id }) => String(id)).join(', ')
  const fix = `Put the files back into ${uploadStore}; without them these tasks end as input_missing.`
  return [{ about: 'uploads', detail: `${lost.length} files are missing, of tasks ${ids}`, fix }]
}
