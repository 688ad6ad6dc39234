import { chmodSync, constants, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { copyJournal, type JournalCopy } from '../journal/sqlite/copy.ts'
import { filesIn } from '../journal/sqlite/open/files.ts'
import { VERSION } from '../package.ts'
import { fetchedBy } from '../uploads/upload-store.ts'
import { HeadgateError } from '../task/errors.ts'
import { describeFile, computeDigest, verifyFiles, writeManifest, type BackedUpFile } from './manifest.ts'
import { syncPathSync } from '../sync-path.ts'

export interface BackupSource {
  readonly dataDir: string
  readonly tokensFile: string
}

export interface BackupResult {
  readonly tasks: number
  readonly uploads: number
  readonly hasTokens: boolean
  readonly bytes: number
}

const OWNER_ONLY = 0o600
const UPLOADS = 'spool'
const TOKENS = 'tokens.json'
/** Snapshots that are tried when a file that one names went while it was taken. */
const TRIES = 5

/**
 * Copies the journal, the uploads that it names and the tokens into a folder, also while a server uses them, and reads
 * all of it back.
 *
 * @throws HeadgateError `journal-missing`; `backup-failed` for a folder that is not empty, or uploads that are missing
 */
export async function backUp({ dataDir, tokensFile }: BackupSource, target: string): Promise<BackupResult> {
  const { journal } = filesIn(dataDir)
  if (!existsSync(journal)) throw new HeadgateError('journal-missing', `There is no journal in ${dataDir}.`)
  prepareTarget(target)
  const snapshot = await takeSnapshot(dataDir, target)
  const hasTokens = existsSync(tokensFile)
  if (hasTokens) await copyOwn(tokensFile, join(target, TOKENS))

  const files = [await describeFile(target, 'journal.db', OWNER_ONLY)]
  for (const name of readdirSync(join(target, UPLOADS))) {
    files.push(await describeFile(target, `${UPLOADS}/${name}`, OWNER_ONLY))
  }
  if (hasTokens)
    files.push(await describeFile(target, TOKENS, statSync(tokensFile).mode & 0o777 & OWNER_ONLY))
  await checkUploads(snapshot, target)
  finish(target, files, snapshot.tasks)
  await verifyFiles(files, (path) => join(target, path))
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return { tasks: snapshot.tasks, uploads: files.length - 1 - (hasTokens ? 1 : 0), hasTokens, bytes }
}

function prepareTarget(target: string): void {
  mkdirSync(target, { recursive: true, mode: 0o700 })
  if (readdirSync(target).length > 0) {
    throw new HeadgateError('backup-failed', `${target} is not empty: a backup takes a folder of its own.`)
  }
  chmodSync(target, 0o700)
  mkdirSync(join(target, UPLOADS), { mode: 0o700 })
}

/**
 * Uploads first, then the journal, then the uploads that came meanwhile: a file that the journal names may be removed
 * when its task ends, but no task that ends makes another one need a file.
 */
async function takeSnapshot(dataDir: string, target: string): Promise<JournalCopy> {
  const [from, to] = [join(dataDir, UPLOADS), join(target, UPLOADS)]
  for (let tries = 1; ; tries += 1) {
    await copyUploads(from, to, () => true)
    const snapshot = await copyJournal(dataDir, join(target, 'journal.db'))
    const named = new Set(snapshot.uploads.map(({ spoolId }) => spoolId))
    for (const id of snapshot.unfinished) named.add(fetchedBy(id))
    await copyUploads(from, to, (name) => named.has(name))
    for (const name of readdirSync(to)) if (!named.has(name)) rmSync(join(to, name))
    const lost = snapshot.uploads.filter(
      ({ spoolId, isNeeded }) => isNeeded && !existsSync(join(to, spoolId)),
    )
    if (lost.length === 0) return snapshot
    if (tries === TRIES) {
      const ids = lost.map(({ taskId }) => taskId).join(', ')
      throw new HeadgateError(
        'backup-failed',
        `Uploads are missing, of the tasks ${ids}. See headgate doctor.`,
      )
    }
    rmSync(join(target, 'journal.db'))
  }
}

async function copyUploads(from: string, to: string, isWanted: (name: string) => boolean): Promise<void> {
  if (!existsSync(from)) return
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.part') || !isWanted(entry.name)) continue
    if (existsSync(join(to, entry.name))) continue
    await copyOwn(join(from, entry.name), join(to, entry.name)).catch((error: unknown) => {
      // It went with the end of its task.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    })
  }
}

/** Every upload is what its task was admitted with. */
async function checkUploads({ uploads }: JournalCopy, target: string): Promise<void> {
  for (const { spoolId, sha256, taskId } of uploads) {
    const path = join(target, UPLOADS, spoolId)
    if (!existsSync(path) || (await computeDigest(path)) === sha256) continue
    throw new HeadgateError('backup-failed', `The upload of task ${taskId} is not as it came: ${spoolId}.`)
  }
}

async function copyOwn(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  chmodSync(to, OWNER_ONLY)
}

function finish(target: string, files: readonly BackedUpFile[], tasks: number): void {
  for (const { path } of files) syncPathSync(join(target, path))
  syncPathSync(join(target, UPLOADS))
  const createdAt = new Date().toISOString()
  writeManifest(target, { headgate: VERSION, createdAt, tasks, files: [...files] })
  syncPathSync(target)
  syncPathSync(dirname(target))
}
