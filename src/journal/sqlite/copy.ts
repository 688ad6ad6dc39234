import { chmodSync } from 'node:fs'
import { backup, DatabaseSync } from 'node:sqlite'
import type { Task } from '../../task/task.ts'
import { filesIn } from './open/files.ts'
import { quickCheck } from './open/open.ts'

/** An upload that a copied journal names. */
interface NamedUpload {
  readonly taskId: string
  readonly spoolId: string
  readonly sha256: string
  /** Its task has not ended: it cannot do without the file. */
  readonly isNeeded: boolean
}

export interface JournalCopy {
  readonly tasks: number
  readonly uploads: readonly NamedUpload[]
  /** Ids of tasks that have not ended. */
  readonly unfinished: readonly string[]
}

/** All pages at once: a copy in pieces begins anew whenever a server writes between two of them. */
const ALL_PAGES = 0x7fff_ffff

/**
 * Copies the journal of a folder as one moment had it, also while a server writes to it, and checks the copy.
 * @throws HeadgateError `journal-corrupt`
 */
export async function copyJournal(folder: string, to: string): Promise<JournalCopy> {
  const db = new DatabaseSync(filesIn(folder).journal, { readOnly: true, timeout: 5000 })
  try {
    await backup(db, to, { rate: ALL_PAGES })
  } finally {
    db.close()
  }
  chmodSync(to, 0o600)
  const copy = new DatabaseSync(to)
  try {
    // One file, which needs no log beside it until a server opens it.
    copy.exec('PRAGMA journal_mode = DELETE')
    quickCheck(copy)
    return readContents(copy)
  } finally {
    copy.close()
  }
}

function readContents(db: DatabaseSync): JournalCopy {
  const uploads = db
    .prepare('SELECT id, spool_id, fixed, finished_at FROM tasks WHERE spool_id IS NOT NULL')
    .all()
  const unfinished = db.prepare('SELECT id FROM tasks WHERE finished_at IS NULL').all()
  return {
    tasks: Number(db.prepare('SELECT count(*) AS count FROM tasks').get()?.['count']),
    uploads: uploads.map((row) => ({
      taskId: String(row['id']),
      spoolId: String(row['spool_id']),
      sha256: (JSON.parse(String(row['fixed'])) as Pick<Task, 'upload'>).upload?.sha256 ?? '',
      isNeeded: row['finished_at'] === null,
    })),
    unfinished: unfinished.map((row) => String(row['id'])),
  }
}
