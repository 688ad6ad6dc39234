import type { Journal } from '../journal/journal.ts'
import { createMemoryJournal } from '../journal/memory/memory-journal.ts'
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts'
import type { AssembleOptions } from './options.ts'

/** Larger ones cost less work in all, smaller ones shorter pauses: 4000 writes are a few milliseconds. */
const WRITES_PER_CHECKPOINT = 4000

export async function openJournal(options: AssembleOptions, folder: string): Promise<Journal> {
  const { settings, log, onFatal, clock } = options
  const { keptTasks: maxFinished, keptBytes: maxFinishedBytes, reserveBytes } = settings
  if (settings.journal === 'memory') return createMemoryJournal({ maxFinished, maxFinishedBytes })
  const { monotonic } = clock
  const onNote = (note: string) => log.warn({ journal: folder }, note)
  const writesPerCheckpoint = WRITES_PER_CHECKPOINT
  return openSqliteJournal({ folder, reserveBytes, writesPerCheckpoint, monotonic, onNote, onFatal })
}
