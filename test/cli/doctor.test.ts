import { execFile, spawnSync } from 'node:child_process'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { sqliteJournal, tempFolder } from '../support/journal.ts'
import { PROCESS_ENV, ROOT, startProcess } from '../support/process.ts'
import { actsOn } from '../journal/acts.ts'

function doctor(dataDir: string, ...args: string[]) {
  const env = { ...PROCESS_ENV, DATA_DIR: dataDir }
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    execFile(join(ROOT, 'headgate'), ['doctor', ...args], { env, cwd: dataDir }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    )
  })
}

test('a sound journal is reported as sound, with what it holds, also while a server uses it', async () => {
  const { dataDir, end } = await startProcess()
  const used = await doctor(dataDir)
  expect([used.code, used.stdout]).toEqual([0, expect.stringContaining('a server uses the journal now')])
  await end()
  const { code, stdout } = await doctor(dataDir)
  expect([code, stdout]).toEqual([0, expect.stringMatching(/ok +journal +sound, [\d.]+ MB: no tasks/)])
  expect(stdout).not.toContain('WRONG')
})

test('a missing journal is reported, with a fix, and setting aside begins anew', async () => {
  const folder = await tempFolder()
  const journal = await sqliteJournal(folder)
  const upload = { spoolId: 's1', name: 'x', mediaType: 'text/plain', bytes: 1, sha256: 'f' }
  await actsOn(journal).admit({ id: 'a', upload })
  await journal[Symbol.asyncDispose]()
  const lost = await doctor(folder)
  expect([lost.code, lost.stdout]).toEqual([1, expect.stringContaining('1 files are missing, of tasks a')])

  await rm(join(folder, 'journal.db'))
  const missing = await doctor(folder)
  expect(missing.code).toBe(1)
  expect(missing.stdout).toMatch(/WRONG +journal +A journal is expected/)
  expect(missing.stdout).toContain('Fix (journal): Put journal.db and journal.db-wal back')
  await expect(sqliteJournal(folder)).rejects.toMatchObject({ code: 'journal-missing' })

  await writeFile(join(folder, 'journal.db'), '')
  expect((await doctor(folder, '--set-aside')).stdout).toMatch(
    /^Journal and uploads are kept in .*set-aside-/,
  )
  const aside = (await readdir(folder)).find((name) => name.startsWith('set-aside-')) ?? ''
  expect(await readdir(join(folder, aside))).toContain('journal.db')
  expect((await doctor(folder, '--set-aside')).stdout).toBe(
    `There is no journal and no upload in ${folder}.\n`,
  )
  await sqliteJournal(folder)
})

test('nothing is set aside while a server uses it', async () => {
  const { dataDir } = await startProcess()
  const { code, stderr } = await doctor(dataDir, '--set-aside')
  expect([code, stderr]).toEqual([1, expect.stringContaining('Another process uses the journal')])
})

test('with the tasks in PostgreSQL what is for DATA_DIR says that it is not for them', async () => {
  const url = 'postgres://headgate:secret@127.0.0.1:1/none'
  const env = { ...PROCESS_ENV, DATABASE_URL: url, DATA_DIR: await tempFolder() }
  for (const args of [
    ['doctor', '--set-aside'],
    ['backup', 'somewhere'],
    ['restore', 'somewhere'],
  ]) {
    const { status, stderr } = spawnSync(join(ROOT, 'headgate'), args, { env, encoding: 'utf8' })
    expect(status, args.join(' ')).toBe(78)
    expect(stderr).toContain('DATABASE_URL: the tasks are in PostgreSQL')
    expect(stderr).not.toContain('secret')
  }
})
