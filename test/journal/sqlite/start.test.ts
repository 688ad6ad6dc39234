import { chmod, mkdir, readFile, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { MIGRATIONS } from '../../../src/journal/sqlite/schema.ts'
import { filesIn } from '../../../src/journal/sqlite/open/files.ts'
import { openJournal } from '../../../src/journal/sqlite/open/open.ts'
import { scanWal } from '../../../src/journal/sqlite/open/wal-scan.ts'
import { seededRandom } from '../../support/random.ts'
import { sqliteJournal, tempFolder } from '../../support/journal.ts'
import { actsOn } from '../acts.ts'

/** A journal with tasks, left as by a kill: everything is in the write-ahead log. */
async function leftByAKill(tasks = 20) {
  const source = await tempFolder()
  const journal = await sqliteJournal(source)
  const { run } = actsOn(journal)
  for (let index = 0; index < tasks; index += 1) await run({ id: `task-${index}` })
  const folder = await tempFolder()
  const files = filesIn(folder)
  for (const [from, to] of [
    [filesIn(source).journal, files.journal],
    [filesIn(source).wal, files.wal],
    [filesIn(source).marker, files.marker],
  ] as const) {
    await writeFile(to, await readFile(from))
  }
  return { folder, files }
}

const tasksIn = async (folder: string) =>
  (await (await sqliteJournal(folder)).recovery.totals()).completed ?? 0

test('the folder, the journal and what is beside it are for their owner alone', async () => {
  const folder = join(await tempFolder(), 'a', 'b')
  await sqliteJournal(folder)
  const modes = await Promise.all(
    ['.', ...(await readdir(folder))].map(async (name) => (await stat(join(folder, name))).mode & 0o777),
  )
  for (const mode of modes) expect((mode & 0o077).toString(8)).toBe('0')
})

test('a path that is as long as SQLite can open has a journal, and a longer one is refused by name', async () => {
  const folder = await tempFolder()
  const ofLength = (bytes: number) => {
    const missing = bytes - folder.length - 4
    const third = Math.floor(missing / 3)
    return join(folder, 'x'.repeat(third), 'x'.repeat(third), 'ü' + 'x'.repeat(missing - 2 * third - 1))
  }
  const longest = ofLength(480)
  expect(Buffer.byteLength(longest)).toBe(480)
  await sqliteJournal(longest)
  const tooLong = ofLength(481)
  await expect(sqliteJournal(tooLong)).rejects.toMatchObject({
    code: 'invalid-setting',
    message: `DATA_DIR="${tooLong}": expected a path of at most 480 bytes, which SQLite can open; it has 481.`,
  })
})

test('a folder that anybody may write to is refused', async () => {
  const folder = await tempFolder()
  await chmod(folder, 0o777)
  await expect(sqliteJournal(folder)).rejects.toMatchObject({ code: 'invalid-setting' })
})

test('a second process is refused, and a third after the second', async () => {
  const folder = await tempFolder()
  const first = await sqliteJournal(folder)
  for (const _ of [2, 3]) {
    await expect(sqliteJournal(folder)).rejects.toMatchObject({ code: 'journal-in-use' })
  }
  await first[Symbol.asyncDispose]()
  await sqliteJournal(folder)
})

test.each([
  ['missing', (path: string) => rm(path)],
  ['empty', (path: string) => truncate(path, 0)],
])('a journal that is expected and %s is refused, not made anew', async (_what, spoil) => {
  const { folder, files } = await leftByAKill()
  await spoil(files.journal)
  await rm(files.wal)
  await expect(sqliteJournal(folder)).rejects.toMatchObject({ code: 'journal-missing' })
  expect(await readdir(folder)).not.toContain('journal.db-wal')
})

test('a journal that is a link is refused', async () => {
  const { folder, files } = await leftByAKill()
  const elsewhere = join(await tempFolder(), 'journal.db')
  await writeFile(elsewhere, await readFile(files.journal))
  await rm(files.journal)
  await symlink(elsewhere, files.journal)
  await expect(sqliteJournal(folder)).rejects.toMatchObject({ code: 'journal-corrupt' })
})

test('a newer schema is refused, and not one byte is changed', async () => {
  const folder = await tempFolder()
  const journal = await sqliteJournal(folder)
  await journal[Symbol.asyncDispose]()
  const { journal: path } = filesIn(folder)
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`)
  db.close()
  const before = await readFile(path)
  await expect(sqliteJournal(folder)).rejects.toMatchObject({ code: 'journal-too-new' })
  expect((await readFile(path)).equals(before)).toBe(true)
})

test('an older schema is brought up to date, and the journal of before is kept', async () => {
  const { folder, files } = await leftByAKill()
  const steps = [...MIGRATIONS, 'CREATE TABLE more (a INTEGER) STRICT']
  const { db, notes } = openJournal(files, steps)
  expect(db.prepare('SELECT count(*) AS count FROM tasks').get()).toEqual({ count: 20 })
  expect(db.prepare('SELECT count(*) AS count FROM more').get()).toEqual({ count: 0 })
  db.close()
  const copy = (await readdir(folder)).find((name) => name.startsWith(`journal-v${MIGRATIONS.length}-`))
  expect(notes.join()).toContain(copy)
  const old = new DatabaseSync(join(folder, copy ?? ''), { readOnly: true })
  expect(old.prepare('SELECT count(*) AS count FROM tasks').get()).toEqual({ count: 20 })
  old.close()
})

test('what a kill left in the log is there', async () => {
  const { folder, files } = await leftByAKill()
  expect(scanWal(files.wal)).toMatchObject({ kind: 'sound' })
  expect(await tasksIn(folder)).toBe(20)
})

test('a last write that was cut off is dropped, and the start continues', async () => {
  const { folder, files } = await leftByAKill()
  await truncate(files.wal, (await stat(files.wal)).size - 1000)
  expect(scanWal(files.wal)).toMatchObject({ kind: 'torn' })
  expect(await tasksIn(folder)).toBeGreaterThanOrEqual(19)
})

test('of 300 flipped bits in the log none loses a confirmed write unseen', async () => {
  const { files } = await leftByAKill()
  const whole = await readFile(files.wal)
  const { commits } = scanWal(files.wal)
  const random = seededRandom(11)
  const path = join(await tempFolder(), 'wal')
  for (let flips = 0; flips < 300; flips += 1) {
    const bytes = Buffer.from(whole)
    const at = Math.floor(random() * bytes.length)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))
    await writeFile(path, bytes)
    const state = scanWal(path)
    // Only the last commit may look like one that was cut off.
    if (state.kind === 'torn') expect(state.commits).toBeGreaterThanOrEqual(commits - 1)
    if (state.kind === 'sound') expect(state.commits).toBe(commits)
  }
})

test('damage is reported, and the files stay as they were', async () => {
  const { folder, files } = await leftByAKill()
  const bytes = await readFile(files.wal)
  bytes[Math.floor(bytes.length / 2)]! ^= 1
  await writeFile(files.wal, bytes)
  await expect(sqliteJournal(folder)).rejects.toMatchObject({ code: 'journal-corrupt' })
  expect((await readFile(files.wal)).equals(bytes)).toBe(true)
  await writeFile(files.journal, 'This is not a journal at all, whatever its name says.'.repeat(100))
  await expect(sqliteJournal(folder)).rejects.toMatchObject({ code: 'journal-corrupt' })
})

test('a copy of the folder while it is in use can be started from', async () => {
  const folder = await tempFolder()
  const journal = await sqliteJournal(folder)
  const { run } = actsOn(journal)
  for (let index = 0; index < 10; index += 1) await run({ id: `task-${index}` })
  const backup = await tempFolder()
  await mkdir(backup, { recursive: true })
  const db = new DatabaseSync(filesIn(folder).journal, { readOnly: true })
  db.exec(`VACUUM INTO '${filesIn(backup).journal}'`)
  db.close()
  expect(await tasksIn(backup)).toBe(10)
})

test('totals of an earlier version, which counted tasks that had not ended, are not counted twice', async () => {
  const folder = await tempFolder()
  const written = await sqliteJournal(folder)
  const { admit, run, start } = actsOn(written)
  await admit({ id: 'a' })
  await start(await admit({ id: 'b' }))
  await run({ id: 'c' })
  await written[Symbol.asyncDispose]()
  const db = new DatabaseSync(join(folder, 'journal.db'))
  db.exec("INSERT INTO totals VALUES ('queued', 1), ('running', 1)")
  db.exec('DROP INDEX failed_tasks_by_error; PRAGMA user_version = 4')
  db.close()
  const journal = await sqliteJournal(folder)
  expect(await journal.recovery.totals()).toEqual({ queued: 1, running: 1, completed: 1 })
})
