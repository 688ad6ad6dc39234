import { copyFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Checkpoints } from '../../../src/journal/sqlite/writer/checkpoints.ts'
import { tempFolder } from '../../support/journal.ts'

const MB = 1024 * 1024

async function setup(path?: (journal: string) => string) {
  const folder = await tempFolder()
  const journal = join(folder, 'journal.db')
  const db = new DatabaseSync(journal)
  db.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE rows (text TEXT)')
  const faults: string[] = []
  const checkpoints = new Checkpoints({
    db,
    path: path?.(journal) ?? journal,
    writesPerCheckpoint: 100,
    logBytes: () => 0,
    onFault: (reason) => faults.push(reason),
  })
  const write = (text: string) => {
    db.prepare('INSERT INTO rows VALUES (?)').run(text)
    checkpoints.count({ writes: 1, chars: text.length, rows: 1 })
  }
  onTestFinished(async () => {
    await checkpoints.stop()
    db.close()
    checkpoints.release()
  })
  /** Rows in the journal itself, without its log. */
  const copied = async () => {
    const copy = join(await tempFolder(), 'copy.db')
    await copyFile(journal, copy)
    const alone = new DatabaseSync(copy)
    try {
      const [{ found } = {}] = alone.prepare('SELECT count(*) AS found FROM sqlite_schema').all()
      if (found === 0) return 0
      return Number(alone.prepare('SELECT count(*) AS count FROM rows').get()?.['count'])
    } finally {
      alone.close()
    }
  }
  const logBytes = async () => (await stat(`${journal}-wal`)).size
  return { write, copied, logBytes, faults, checkpoints }
}

test('what is committed while the log is copied is copied too, and the log begins anew', async () => {
  const { write, copied, logBytes, faults } = await setup()
  for (let n = 0; n < 99; n += 1) write('x'.repeat(10_000))
  expect(await copied()).toBe(0)
  // The hundredth makes a copy due, and none of these waits for it.
  for (let n = 0; n < 6; n += 1) write('y'.repeat(10_000))
  await vi.waitFor(async () => expect(await copied()).toBe(105), 5000)
  const size = await vi.waitFor(async () => {
    const before = await logBytes()
    write('z'.repeat(10_000))
    expect(await logBytes()).toBe(before)
    return before
  }, 5000)
  for (let n = 0; n < 50; n += 1) write('z'.repeat(10_000))
  expect([await logBytes(), faults]).toEqual([size, []])
})

test('much that is committed meanwhile is copied in its turn', async () => {
  const { write, copied, faults } = await setup()
  for (let n = 0; n < 1000; n += 1) write('x')
  await vi.waitFor(async () => expect(await copied()).toBe(1000), 5000)
  expect(faults).toEqual([])
})

test('where no thread can copy, the writing thread does', async () => {
  const { write, copied, faults } = await setup(() => '/nonexistent/journal.db')
  for (let n = 0; n < 200; n += 1) write('x')
  await vi.waitFor(async () => expect(await copied()).toBe(200), 5000)
  for (let n = 0; n < 200; n += 1) write('x')
  await vi.waitFor(async () => expect(await copied()).toBe(400), 5000)
  expect(faults).toEqual([])
})

test('a stop waits for the copy that is under way', async () => {
  const { write, copied, checkpoints, faults } = await setup()
  for (let n = 0; n < 100; n += 1) write('x'.repeat(MB / 10))
  await checkpoints.stop()
  expect([await copied(), faults]).toEqual([100, []])
})
