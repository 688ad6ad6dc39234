import { lstatSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { HeadgateError } from '../../../task/errors.ts'

const OWNER_ONLY = 0o700
const OTHERS_WRITE = 0o002
/** SQLite opens no file whose path has more than 512 bytes; 32 are left for the name of the file. */
const MAX_PATH_BYTES = 480

/**
 * Makes the folder that everything lies in, for its owner alone, or looks at the one that is there.
 * @throws HeadgateError `invalid-setting` for a folder that anybody may write to, or whose path is too long.
 */
export function prepareFolder(folder: string): void {
  const bytes = Buffer.byteLength(resolve(folder))
  if (bytes > MAX_PATH_BYTES) {
    const limit = `expected a path of at most ${MAX_PATH_BYTES} bytes, which SQLite can open; it has ${bytes}.`
    throw new HeadgateError('invalid-setting', `DATA_DIR="${folder}": ${limit}`)
  }
  try {
    makeFolder(folder)
  } catch (error) {
    throw new HeadgateError('invalid-setting', `DATA_DIR="${folder}": ${(error as Error).message}`)
  }
  const stat = statSync(folder)
  if (!stat.isDirectory()) throw new HeadgateError('invalid-setting', `${folder} is not a folder.`)
  if ((stat.mode & OTHERS_WRITE) === 0) return
  const fix = `chmod 700 ${folder}`
  throw new HeadgateError('invalid-setting', `Anybody on this machine may write to ${folder}. Fix: ${fix}`)
}

/** One folder at a time: Node's own `recursive` does not come back from some places, /proc among them. */
function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, OWNER_ONLY)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error
    makeFolder(dirname(folder))
    mkdirSync(folder, OWNER_ONLY)
  }
}

/** Size of a plain file; undefined when there is none. A link could lead anywhere and is refused. */
export function sizeOfFile(path: string): number | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return undefined
  if (stat.isFile()) return stat.size
  throw new HeadgateError('journal-corrupt', `${path} is not a plain file.`)
}
