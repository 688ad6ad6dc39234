import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { filesIn, type JournalFiles } from '../journal/sqlite/open/files.ts'
import { prepareFolder } from '../journal/sqlite/open/folder.ts'
import { takeLock } from '../journal/sqlite/open/lock.ts'
import { HeadgateError } from '../task/errors.ts'
import { readManifest, verifyFiles, type BackedUpFile, type Manifest } from './manifest.ts'
import { syncPathSync } from '../sync-path.ts'

export interface RestoreTarget {
  readonly dataDir: string
  readonly tokensFile: string
}

const TOKENS = 'tokens.json'

/**
 * Puts a backup where a server will use it, with the permissions that its files had. The backup is read through first,
 * and what was written is read back. A restore that is cut off leaves a mark: no server starts there until it was
 * repeated.
 *
 * @throws HeadgateError `backup-damaged`, `journal-in-use`, `restore-refused` where there is something already
 */
export async function restore(source: string, target: RestoreTarget): Promise<Manifest> {
  const manifest = readManifest(source)
  await verifyFiles(manifest.files, (path) => join(source, path))
  prepareFolder(target.dataDir)
  const files = filesIn(target.dataDir)
  const lock = takeLock(files.lock)
  try {
    refuseOverwriting(files, target)
    mark(files, source)
    await putAll(source, target, manifest)
    rmSync(files.unfinished)
    syncPathSync(files.folder)
  } finally {
    lock[Symbol.dispose]()
  }
  return manifest
}

function mark({ folder, unfinished }: JournalFiles, source: string): void {
  writeFileSync(unfinished, `A restore from ${source} was cut off. Repeat it.\n`, { mode: 0o600 })
  syncPathSync(unfinished)
  syncPathSync(folder)
}

async function putAll(
  source: string,
  { dataDir, tokensFile }: RestoreTarget,
  { files }: Manifest,
): Promise<void> {
  const { journal, wal, lock } = filesIn(dataDir)
  for (const path of [journal, wal, `${journal}-shm`]) rmSync(path, { force: true })
  const place = (path: string) => (path === TOKENS ? tokensFile : join(dataDir, path))
  for (const file of files) put(join(source, file.path), place(file.path), file)
  await verifyFiles(files, place)
  const places = files.map(({ path }) => place(path))
  giveAway(dataDir, [lock, ...places])
  for (const folder of new Set(places.map((path) => dirname(path)))) syncPathSync(folder)
}

/** What is there is never replaced, but by the repeat of a restore that was cut off. */
function refuseOverwriting({ journal, unfinished }: JournalFiles, { tokensFile }: RestoreTarget): void {
  if (existsSync(unfinished)) return
  const there = [journal, tokensFile].filter(
    (path) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0,
  )
  if (there.length === 0) return
  const fix = 'Restore into another DATA_DIR; or move them away, a journal with headgate doctor --set-aside.'
  throw new HeadgateError('restore-refused', `There is something already: ${there.join(', ')}. ${fix}`)
}

/** In one piece: a file is there as it was backed up, or not. */
function put(from: string, to: string, { mode }: BackedUpFile): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  const part = `${to}.part`
  copyFileSync(from, part)
  chmodSync(part, mode)
  syncPathSync(part)
  renameSync(part, to)
}

/** What root restores belongs to whom the folder belongs to: the service has to read it. */
function giveAway(folder: string, paths: readonly string[]): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(folder)
  for (const path of new Set([...paths, ...paths.map((each) => dirname(each))])) chownSync(path, uid, gid)
}
