import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { HeadgateError } from '../../../task/errors.ts'
import { MOVE_NOTE } from '../exported-tables.ts'
import type { JournalFiles } from './files.ts'
import { sizeOfFile } from './folder.ts'
import { toPrimaryCode } from './lock.ts'
import { migrate, readVersion } from './migrate.ts'
import { scanWal } from './wal-scan.ts'
import { syncPathSync } from '../../../sync-path.ts'

export interface Opened {
  readonly db: DatabaseSync
  /** What an operator should know of the start. */
  readonly notes: string[]
}

const OWNER_ONLY = 0o600
const MAGIC = 'SQLite format 3\0'
const VERSION_AT = 60
/** A larger journal is checked beside the work, by the reading thread. */
export const QUICK_CHECK_BYTES = 64 * 1024 * 1024
const CORRUPT = new Set([11, 26])
const FIX_HINT = 'Nothing was changed. Run: headgate doctor'

export interface OpenOptions {
  /** Whether it is opened to be written from another journal, also one that is half written. Default: false. */
  readonly isImported?: boolean
}

/**
 * Opens the journal of a folder whose lock is held: looks at what is there before anything is written,
 * brings the schema up to date, and proves that the disk takes a write and a sync.
 *
 * @throws HeadgateError `journal-missing`, `journal-moved`, `move-unfinished`, `journal-too-new`, `journal-corrupt`,
 *   `journal-failed`
 */
export function openJournal(
  files: JournalFiles,
  steps: readonly string[],
  { isImported = false }: OpenOptions = {},
): Opened {
  const notes = lookAt(files, steps.length)
  closeSync(openSync(files.journal, 'a', OWNER_ONLY))
  try {
    const db = new DatabaseSync(files.journal, { timeout: 5000 })
    setUp(db)
    if ((sizeOfFile(files.journal) ?? 0) <= QUICK_CHECK_BYTES) quickCheck(db)
    const copy = migrate(db, files, steps)
    if (copy !== null) notes.push(`the journal was brought up to date; the old one is kept as ${copy}`)
    if (!isImported) assertWhole(db, files.folder)
    selfTest(db)
    syncPathSync(files.folder)
    mark(files)
    return { db, notes }
  } catch (error) {
    throw findFault(error)
  }
}

/** Everything that can be known without opening the journal for writing. */
export function lookAt(files: JournalFiles, newestVersion: number): string[] {
  if (sizeOfFile(files.unfinished) !== undefined) {
    const what = `A restore into ${files.folder} was cut off`
    throw new HeadgateError('restore-unfinished', `${what}. Repeat it: headgate restore FOLDER`)
  }
  if (sizeOfFile(files.moved) !== undefined) {
    const where = readFileSync(files.moved, 'utf8').trim()
    const what = `The tasks of ${files.folder} were moved to ${where}, where they run`
    const fix = `Set DATABASE_URL; to use this journal again, remove ${files.moved}.`
    throw new HeadgateError('journal-moved', `${what}. ${fix}`)
  }
  const size = sizeOfFile(files.journal) ?? 0
  if (size === 0) {
    const isExpected = sizeOfFile(files.marker) !== undefined || (sizeOfFile(files.wal) ?? 0) > 0
    if (!isExpected) return []
    const what = `A journal is expected at ${files.journal}, and there is none`
    throw new HeadgateError('journal-missing', `${what}. ${FIX_HINT}`)
  }
  if (versionIn(files.journal) > newestVersion || committedVersion(files.journal) > newestVersion) {
    const what = `${files.journal} was written by a newer version of headgate`
    throw new HeadgateError('journal-too-new', `${what}. Nothing was changed: start that version.`)
  }
  const wal = scanWal(files.wal)
  if (wal.kind === 'damaged') {
    const what = `${files.wal} is damaged: ${wal.lost} commits or more behind the damage cannot be read`
    throw new HeadgateError('journal-corrupt', `${what}. ${FIX_HINT}`)
  }
  return wal.kind === 'torn'
    ? ['the last write was cut off, as by a loss of power; it was never confirmed']
    : []
}

/** The version in the file itself, read as bytes. */
function versionIn(path: string): number {
  const header = Buffer.alloc(100)
  const file = openSync(path, 'r')
  try {
    readSync(file, header, 0, header.length, 0)
  } finally {
    closeSync(file)
  }
  if (header.toString('latin1', 0, MAGIC.length) === MAGIC) return header.readUInt32BE(VERSION_AT)
  throw new HeadgateError('journal-corrupt', `${path} is not a journal. ${FIX_HINT}`)
}

/** The version of the last commit, which may be in the write-ahead log only. */
function committedVersion(path: string): number {
  try {
    const db = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
    try {
      return readVersion(db)
    } finally {
      db.close()
    }
  } catch (error) {
    throw findFault(error)
  }
}

const INCREMENTAL = 2

function setUp(db: DatabaseSync): void {
  // To say it again is a write, after which the journal is not what it was copied from.
  if (db.prepare('PRAGMA auto_vacuum').get()?.['auto_vacuum'] !== INCREMENTAL) {
    db.exec('PRAGMA auto_vacuum = INCREMENTAL')
  }
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -65536;
    PRAGMA temp_store = MEMORY;
  `)
}

/** @throws HeadgateError `journal-corrupt` */
export function quickCheck(db: DatabaseSync): void {
  const [first] = db.prepare('PRAGMA quick_check(1)').all()
  const result = first?.['quick_check']
  if (result === 'ok') return
  throw new HeadgateError('journal-corrupt', `The journal is damaged: ${String(result)}. ${FIX_HINT}`)
}

/**
 * Checks that no move into the journal was cut off.
 * @throws HeadgateError `move-unfinished`
 */
export function assertWhole(db: DatabaseSync, folder: string): void {
  const note = db.prepare('SELECT text FROM notes WHERE name = ?').get(MOVE_NOTE)
  if (note === undefined) return
  const { stage } = JSON.parse(note['text'] as string) as { readonly stage: string }
  if (stage === 'done') return
  const what = `A move of tasks into ${folder} was cut off, so that some are missing`
  throw new HeadgateError('move-unfinished', `${what}. Repeat it: headgate move`)
}

/** Written, synced, and read back. */
function selfTest(db: DatabaseSync): void {
  const text = randomUUID()
  db.prepare("INSERT OR REPLACE INTO notes VALUES ('self-test', ?)").run(text)
  const back = db.prepare("SELECT text FROM notes WHERE name = 'self-test'").get()
  if (back?.['text'] !== text) throw new Error('what was written is not what is read')
}

/** From now on a journal is expected here. The journal comes first, so a start that is cut off leaves no marker alone. */
function mark({ marker, folder }: JournalFiles): void {
  if (sizeOfFile(marker) !== undefined) return
  const file = openSync(marker, 'wx', OWNER_ONLY)
  try {
    writeSync(file, 'A journal is expected in this folder. See headgate doctor.\n')
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  syncPathSync(folder)
}

function findFault(error: unknown): unknown {
  if (error instanceof HeadgateError) return error
  const code = toPrimaryCode(error)
  const { message } = error as Error
  if (code !== undefined && CORRUPT.has(code)) {
    return new HeadgateError('journal-corrupt', `The journal is damaged: ${message}. ${FIX_HINT}`, {
      cause: error,
    })
  }
  const what = `The journal cannot be written: ${message}`
  return new HeadgateError('journal-failed', `${what}. Run: headgate doctor`, { cause: error })
}
