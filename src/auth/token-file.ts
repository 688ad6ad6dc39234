import {
  closeSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { HeadgateError } from '../task/errors.ts'
import { priorityName } from '../task/priority.ts'
import { tokenEntry, type TokenRecord } from './token.ts'

const tokensFile = z.strictObject({ tokens: z.array(tokenEntry) })

/** Whether a token is asked for: a tokens file, even an empty one, or a token of the settings asks for it. */
export function requiresTokens(
  inFile: readonly TokenRecord[] | undefined,
  fixed: readonly TokenRecord[],
): boolean {
  return inFile !== undefined || fixed.length > 0
}

/**
 * Reads the tokens file; undefined when there is none.
 *
 * @throws HeadgateError `invalid-setting` for a file that cannot be read, or is not what it should be.
 */
export function readTokenFile(path: string): readonly TokenRecord[] | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    // No folder, no file.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new HeadgateError('invalid-setting', `TOKENS_FILE="${path}": ${(error as Error).message}`)
  }
  const json = toJson(text)
  if (json === undefined) throw new HeadgateError('invalid-setting', `TOKENS_FILE="${path}": it is not JSON.`)
  const parsed = tokensFile.safeParse(json)
  if (parsed.success) return parsed.data.tokens
  const [issue] = parsed.error.issues
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  throw new HeadgateError('invalid-setting', `TOKENS_FILE="${path}": ${where}${issue?.message}.`)
}

/** Others that change the file are waited for this long; a lock that is older was left behind. */
const LOCK_MS = 5000
const LOCK_LOOK_MS = 20

/**
 * Changes the file: one change after the other, so that none is lost.
 *
 * @throws what `change` throws; HeadgateError `invalid-setting` as above.
 */
export function changeTokenFile(
  path: string,
  change: (records: readonly TokenRecord[]) => readonly TokenRecord[],
): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const lock = `${path}.lock`
  takeLock(lock)
  try {
    writeTokenFile(path, change(readTokenFile(path) ?? []))
  } finally {
    rmSync(lock, { force: true })
  }
}

function takeLock(lock: string): void {
  for (;;) {
    try {
      return closeSync(openSync(lock, 'wx', 0o600))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > LOCK_MS) rmSync(lock, { force: true })
    // A command line has nothing else to do meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_LOOK_MS)
  }
}

/** Writes the file anew and in one piece, readable to its owner alone. */
export function writeTokenFile(path: string, records: readonly TokenRecord[]): void {
  const tokens = records.map((record) => ({
    name: record.name,
    role: record.role,
    max_priority: priorityName(record.maxPriority),
    ...(record.weight === undefined || record.weight === 1 ? {} : { weight: record.weight }),
    sha256: record.sha256,
    created_at: new Date(record.createdAt ?? Date.now()).toISOString(),
    expires_at: record.expiresAt === null ? null : new Date(record.expiresAt).toISOString(),
  }))
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const part = `${path}.${process.pid}.part`
  try {
    const file = openSync(part, 'wx', 0o600)
    try {
      writeSync(file, `${JSON.stringify({ tokens }, null, 2)}\n`)
      keepOwner(file, path)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(part, path)
  } finally {
    rmSync(part, { force: true })
  }
}

/** A file written by root keeps the owner of the file, or of its folder: the service has to read it. */
function keepOwner(file: number, path: string): void {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(path, { throwIfNoEntry: false }) ?? statSync(dirname(path))
  fchownSync(file, uid, gid)
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
