import { join } from 'node:path'

/** Where each file of a journal lies. */
export interface JournalFiles {
  readonly folder: string
  readonly journal: string
  readonly wal: string
  /** Held by the process that uses the journal. */
  readonly lock: string
  /** Says that a journal is expected here: one that is missing was lost, and is not made anew. */
  readonly marker: string
  /** Room on the disk for what must still be written when it is full. */
  readonly reserve: string
  /** Says that a restore was cut off: what is here is not whole. */
  readonly unfinished: string
}

export function filesIn(folder: string): JournalFiles {
  const journal = join(folder, 'journal.db')
  return {
    folder,
    journal,
    wal: `${journal}-wal`,
    lock: join(folder, 'journal.lock'),
    marker: join(folder, 'journal.expected'),
    reserve: join(folder, 'journal.reserve'),
    unfinished: join(folder, 'restore.unfinished'),
  }
}
