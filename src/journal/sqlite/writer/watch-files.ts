import { statSync } from 'node:fs'
import type { JournalFiles } from '../open/files.ts'

/**
 * Returns a check whether the journal's files are still those that were open at the call: a folder that is removed, or
 * restored from a backup, leaves the process with unreachable files.
 *
 * @returns the reason why they are not; null: they are
 */
export function watchFiles({ journal, wal }: JournalFiles): () => string | null {
  const identities = [journal, wal].map((path) => ({ path, identity: toIdentity(path) }))
  return () => {
    for (const { path, identity } of identities) {
      const now = toIdentity(path)
      if (now === identity || now === undefined) continue
      return `${path} was ${now === 'gone' ? 'removed' : 'replaced'} while it was in use`
    }
    return null
  }
}

/** Device and inode; undefined when they cannot be read, which proves nothing. */
function toIdentity(path: string): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false })
    return stat === undefined ? 'gone' : `${stat.dev} ${stat.ino}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? 'gone' : undefined
  }
}
