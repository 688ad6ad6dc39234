import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Journal } from '../../src/journal/journal.ts'
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'

/** A folder of its own, removed with the test. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The durable journal of a folder, closed with the test. */
export async function sqliteJournal(folder: string, reserveBytes = 0): Promise<Journal> {
  const journal = await openSqliteJournal({
    folder,
    reserveBytes,
    writesPerCheckpoint: 4000,
    monotonic: () => performance.now(),
    onNote: () => undefined,
    onFatal: () => undefined,
  })
  onTestFinished(async () => journal[Symbol.asyncDispose]())
  return journal
}
