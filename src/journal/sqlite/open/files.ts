import { join } from 'node:path'

/** Where each file of a journal lies. */
export interface JournalFiles {
  readonly folder: string
  readonly journal: string
  readonly wal: string
  /** Held by the process that uses the journal. */
  readonly lock: string
  /** Marks that a journal is expected here: a missing one was lost, and is not created again. */
  readonly marker: string
  /** Reserved disk space for writes that must succeed when the disk is full. */
  readonly reserve: string
  /** Marks that a restore was interrupted: the files here are incomplete. */
  readonly unfinished: string
  /** Marks that the tasks were moved to a database: they would run twice. Its text says where they are. */
  readonly moved: string
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
    moved: join(folder, 'journal.moved'),
  }
}
