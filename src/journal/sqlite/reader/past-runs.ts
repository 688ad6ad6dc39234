import { DatabaseSync } from 'node:sqlite'
import type { PastTask } from '../../journal.ts'
import { toPastTask, type TaskRow } from '../rows.ts'
import { filesIn } from '../open/files.ts'
import { sizeOfFile } from '../open/folder.ts'
import { Reads } from './queries.ts'

/** The load is estimated from this many newest tasks. */
const NEWEST = 2000

/** Times of the newest completed tasks of a journal; a server may use it meanwhile. */
export function pastRuns(folder: string): readonly PastTask[] {
  const { journal } = filesIn(folder)
  if ((sizeOfFile(journal) ?? 0) === 0) return []
  const db = new DatabaseSync(journal, { readOnly: true })
  try {
    const rows = new Reads(db).answer({ op: 'durations', limit: NEWEST })
    return (rows as unknown as TaskRow[]).map((row) => toPastTask(row))
  } finally {
    db.close()
  }
}
