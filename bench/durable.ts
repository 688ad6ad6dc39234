import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Journal } from '../src/journal/journal.ts'
import { openSqliteJournal } from '../src/journal/sqlite/sqlite-journal.ts'
import { createCore } from './core.ts'
import { quantile } from './support.ts'

const ROUNDS = 2000
const WARM_UP = 2000

/** The journal of a folder, as the server opens it. */
export function openJournalIn(folder: string): Promise<Journal> {
  return openSqliteJournal({
    folder,
    reserveBytes: 0,
    writesPerCheckpoint: 4000,
    monotonic: () => performance.now(),
    onNote: () => undefined,
    onFatal: (error) => {
      throw error
    },
  })
}

/** Does something with a new journal on this machine's disk; its threads live as long, as those of a server. */
export async function withSqlite<Value>(work: (journal: Journal) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  const journal = await openJournalIn(folder)
  try {
    return await work(journal)
  } finally {
    await journal[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Time from submit to the first line of the handler on an idle slot, ms: one commit, with its sync. */
export function durableIdleStart(): Promise<{ p50: number; p99: number }> {
  return withSqlite(async (journal) => {
    let submittedAt = 0
    let waits: number[] = []
    const entered = () => void waits.push(performance.now() - submittedAt)
    const { submit, pool, lifecycle } = createCore({
      journal,
      capacity: 10,
      entered,
      ended: () => undefined,
    })
    for (let round = -WARM_UP; round < ROUNDS; round += 1) {
      if (round === 0) waits = []
      submittedAt = performance.now()
      await submit(round, 1)
      await pool.whenIdle()
      await lifecycle.recorder.whenWritten()
    }
    return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99) }
  })
}
