import { DatabaseSync } from 'node:sqlite'
import type { PastTask } from '../../journal.ts'
import { filesIn } from '../open/files.ts'
import { sizeOfFile } from '../open/folder.ts'
import { Statements } from '../statements.ts'
import { QUERIES } from './queries.ts'

/** The load is estimated from this many newest tasks. */
const NEWEST = 2000

/** Times of the newest completed tasks of a journal; a server may use it meanwhile. */
export function pastRuns(folder: string): readonly PastTask[] {
  const { journal } = filesIn(folder)
  if ((sizeOfFile(journal) ?? 0) === 0) return []
  const db = new DatabaseSync(journal, { readOnly: true })
  try {
    const { select, toReply } = QUERIES.durations
    return toReply(select(new Statements(db), NEWEST), NEWEST)
  } finally {
    db.close()
  }
}
