import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { syncPathSync } from '../sync-path.ts'
import { HeadgateError } from '../task/errors.ts'

/** What a backup holds, written when everything else is there: a backup without it was cut off. */
const MANIFEST = 'backup.json'
const FORMAT = 1

const backedUpFile = z.object({
  /** Inside the backup. */
  path: z.string().regex(/^(?:journal\.db|tokens\.json|spool\/[0-9a-f.-]+(?:fetched)?)$/),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Permissions, as in 0o600. */
  mode: z.int().min(0).max(0o777),
})
const manifest = z.object({
  format: z.literal(FORMAT),
  headgate: z.string(),
  createdAt: z.string(),
  tasks: z.int().min(0),
  files: z.array(backedUpFile),
})

export type BackedUpFile = z.output<typeof backedUpFile>
export type Manifest = z.output<typeof manifest>

/** Describes a file of a backup, read through. */
export async function describeFile(folder: string, path: string, mode: number): Promise<BackedUpFile> {
  const full = join(folder, path)
  return { path, bytes: statSync(full).size, sha256: await computeDigest(full), mode }
}

export async function computeDigest(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

export function writeManifest(folder: string, given: Omit<Manifest, 'format'>): void {
  const path = join(folder, MANIFEST)
  writeFileSync(path, `${JSON.stringify({ format: FORMAT, ...given }, null, 2)}\n`, { mode: 0o600 })
  syncPathSync(path)
}

/** @throws HeadgateError `backup-damaged` */
export function readManifest(folder: string): Manifest {
  const path = join(folder, MANIFEST)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const what = `${folder} is no complete backup: ${(error as Error).message}`
    throw new HeadgateError('backup-damaged', `${what}. Take another one.`)
  }
  const parsed = manifest.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new HeadgateError('backup-damaged', `${path} is not the list of a backup of this version.`)
}

/**
 * Reads every file of a backup, or of a restored folder, and compares it with what was backed up.
 *
 * @param place where a file lies
 * @throws HeadgateError `backup-damaged` that names the file
 */
export async function verifyFiles(
  files: readonly BackedUpFile[],
  place: (path: string) => string,
): Promise<void> {
  for (const { path, bytes, sha256 } of files) {
    const full = place(path)
    const size = statSync(full, { throwIfNoEntry: false })?.size
    if (size === bytes && (await computeDigest(full)) === sha256) continue
    const what = size === undefined ? 'is missing' : 'is not as it was backed up'
    throw new HeadgateError('backup-damaged', `${full} ${what}.`)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
