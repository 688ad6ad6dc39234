import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { filesIn } from '../../../src/journal/sqlite/open/files.ts'
import { MIGRATIONS } from '../../../src/journal/sqlite/schema.ts'
import { fillJournal } from '../../support/fill-journal.ts'
import { sqliteJournal, tempFolder } from '../../support/journal.ts'
import { PROCESS_ENV, ROOT, spawnBound } from '../../support/process.ts'
import { seededRandom } from '../../support/random.ts'

/** `MIGRATION_TASKS=1000000 MIGRATION_KILLS=20` for the long form. */
const TASKS = Number(process.env['MIGRATION_TASKS'] ?? 10_000)
const KILLS = Number(process.env['MIGRATION_KILLS'] ?? 6)
const HOUR_MS = 3_600_000

test(
  'a migration that is killed again and again loses nothing, and keeps one copy of the old journal',
  { timeout: 2 * HOUR_MS },
  async () => {
    const folder = await tempFolder()
    const { journal: path } = filesIn(folder)
    await fill(folder)
    toFirstVersion(path)
    const before = digestOf(path)
    const other = await tempFolder()
    copyFileSync(path, filesIn(other).journal)
    const { ms } = JSON.parse((await open(other)) ?? '{}') as { ms: number }
    expect(digestOf(filesIn(other).journal)).toEqual(before)

    const random = seededRandom(7)
    let kills = 0
    // One that has ended before it is killed leaves nothing to do.
    while (kills < KILLS && versionOf(path) === 1) {
      if ((await open(folder, random() * ms * 0.7)) === null) kills += 1
      expect(copiesIn(folder).length).toBeLessThanOrEqual(1)
    }
    console.log(`${TASKS} tasks: ${Math.round(ms)} ms with the copy, killed ${kills} times`)
    await open(folder)

    expect(versionOf(path)).toBe(MIGRATIONS.length)
    expect(digestOf(path)).toEqual(before)
    const [copy = '', ...others] = copiesIn(folder)
    expect(others).toEqual([])
    expect(copy).toMatch(/\.db$/)
    expect(digestOf(join(folder, copy))).toEqual(before)
    expect(versionOf(join(folder, copy))).toBe(1)
    expect(kills).toBeGreaterThan(0)
  },
)

test('a journal that was used after it was copied is copied again', async () => {
  const folder = await tempFolder()
  const { journal: path } = filesIn(folder)
  await fill(folder, 10)
  toFirstVersion(path)
  await open(folder)
  const [first = ''] = copiesIn(folder)
  // As an operator does who goes back to the version of before.
  renameSync(join(folder, first), join(folder, first.replace(/-v1-.*/, '-v1-2020-01-01T00-00-00.db')))
  toFirstVersion(path)
  const db = new DatabaseSync(path)
  db.exec("DELETE FROM tasks WHERE type = 'other'")
  db.close()
  const changed = digestOf(path)
  await open(folder)
  expect(copiesIn(folder)).toHaveLength(2)
  const [, second = ''] = copiesIn(folder).toSorted()
  expect(digestOf(join(folder, second))).toEqual(changed)
})

/** Written by the writer of the product; the last hundredth of the tasks waits. */
async function fill(folder: string, count = TASKS): Promise<void> {
  const journal = await sqliteJournal(folder)
  const endedAt = (n: number) => (n >= count * 0.99 ? null : n * 1000)
  await fillJournal(journal, { count, endedAt })
  await journal[Symbol.asyncDispose]()
}

const TABLES = ['tasks', 'inputs', 'results', 'events'] as const

/** The same rows under the schema of the first version. */
function toFirstVersion(path: string): void {
  const old = `${path}.first`
  const db = new DatabaseSync(old)
  const [first = ''] = MIGRATIONS
  db.exec(`PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; ${first}`)
  db.exec(`ATTACH '${path}' AS current; BEGIN`)
  for (const table of TABLES) {
    const columns = columnsOf(db, table)
    db.exec(`INSERT INTO ${table} (${columns}) SELECT ${columns} FROM current.${table}`)
  }
  db.exec('INSERT INTO totals SELECT status, count(*) FROM tasks GROUP BY status; COMMIT')
  db.exec('PRAGMA user_version = 1; DETACH current')
  db.close()
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true })
  renameSync(old, path)
}

function columnsOf(db: DatabaseSync, table: string): string {
  return db
    .prepare(`SELECT name FROM pragma_table_info('${table}', 'main')`)
    .all()
    .map(({ name }) => String(name))
    .join(', ')
}

/** Of every row that the first version knew. */
function digestOf(path: string): Readonly<Record<string, string>> {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return Object.fromEntries(TABLES.map((table) => [table, digestOfTable(db, table)]))
  } finally {
    db.close()
  }
}

function digestOfTable(db: DatabaseSync, table: string): string {
  const hash = createHash('sha256')
  let count = 0
  for (const row of db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).iterate()) {
    hash.update(JSON.stringify(row))
    count += 1
  }
  return `${count} rows ${hash.digest('hex')}`
}

function versionOf(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  } finally {
    db.close()
  }
}

function copiesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^journal-v.*\.db$/.test(name))
}

/** Opens a journal in a process of its own; its last line, or null when it was killed after `killAfterMs`. */
async function open(folder: string, killAfterMs?: number): Promise<string | null> {
  const script = join(ROOT, 'test/journal/sqlite/open-journal.ts')
  const child = spawnBound(process.execPath, ['--conditions=headgate-source', script, folder], {
    cwd: ROOT,
    env: PROCESS_ENV,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  let timer: NodeJS.Timeout | undefined
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (killAfterMs !== undefined) timer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs)
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(timer)
  if (signal === 'SIGKILL') return null
  expect(code).toBe(0)
  return output.trim().split('\n').at(-1) ?? ''
}
