import { rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { actsOn } from '../acts.ts'
import { fillJournal } from '../../support/fill-journal.ts'
import { sqliteJournal, tempFolder } from '../../support/journal.ts'
import { startProcess } from '../../support/process.ts'
import { clientOf } from '../../support/server.ts'

test.each([
  ['removed', (dataDir: string) => rm(dataDir, { recursive: true })],
  ['replaced', (dataDir: string) => rename(join(dataDir, 'journal.db'), join(dataDir, 'other.db'))],
])(
  'a journal that is %s while it is used ends the process, and nothing is confirmed after',
  async (_what, act) => {
    const { url, dataDir, exited, stdout } = await startProcess()
    const { post } = clientOf(url)
    expect((await post('/summarize', { text: 'One. Two. Three.' })).status).toBe(202)
    await act(dataDir)
    const late = await post('/summarize', { text: 'Four. Five. Six.' }).then(
      ({ status }) => status,
      () => 0,
    )
    expect(late).not.toBe(202)
    expect(await exited).toBe(70)
    expect(stdout()).toMatch(/journal\.db(-wal|-shm)? was removed while it was in use/)
  },
)

test('the log is bounded by bytes, however few the writes, and small again at rest', async () => {
  const folder = await tempFolder()
  const journal = await sqliteJournal(folder)
  const { admit, start, complete } = actsOn(journal)
  const logBytes = async () => (await stat(join(folder, 'journal.db-wal'))).size
  const text = 'x'.repeat(2_000_000)
  let most = 0
  for (let round = 0; round < 6; round += 1) {
    await Promise.all(
      Array.from({ length: 10 }, async (_, index) => {
        const task = await admit({ id: `t-${round}-${index}`, input: { text } })
        await complete(await start(task), 2000, JSON.stringify(text))
      }),
    )
    most = Math.max(most, await logBytes())
  }
  expect(most).toBeLessThan(160_000_000)
  await expect.poll(logBytes, { timeout: 5000 }).toBeLessThan(8 * 1024 * 1024)
})

test('the log stays small while the retention erases, which is few writes of many rows', async () => {
  const folder = await tempFolder()
  const journal = await sqliteJournal(folder)
  await fillJournal(journal, { count: 10_000, endedAt: (n) => n })
  let largest = 0
  for (let tasks = 1; tasks > 0;) {
    tasks = (await journal.retention.eraseEnded(20_000, 30_000, 100)).tasks
    largest = Math.max(largest, (await stat(join(folder, 'journal.db-wal'))).size)
  }
  expect(largest).toBeLessThan(32 * 1024 * 1024)
})
