import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import type { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'
import { failure } from '../../src/task/failure.ts'
import { actsOn } from '../journal/acts.ts'
import { brokenBuild } from '../support/broken-build.ts'
import { tempFolder } from '../support/journal.ts'
import { createVictim } from './victim.ts'

/** The same looks at builds with one promise broken: they have to find it. */

test('a build that answers 202 before the commit loses tasks', { timeout: 120_000 }, async () => {
  const folder = await brokenBuild(
    'admission/placement.ts',
    'admitted = await this.#write(task, queuePlace, { key, claim })',
    'admitted = { ...task, lastSeq: 1 }\n      void this.#write(task, queuePlace, { key, claim }).catch(() => undefined)',
  )
  const main = join(folder, 'src', 'main.ts')
  let lost = 0
  // Not every kill falls between a reply and its commit; of a dozen one does.
  for (let dieOn = 6; lost === 0 && dieOn < 18; dieOn += 1) lost = await lostBy(main, dieOn)
  expect(lost).toBeGreaterThan(0)
})

/** Accepted tasks that are not in the journal after the process ended at the beginning of a commit. */
async function lostBy(main: string, dieOn: number): Promise<number> {
  const { start, kill, query } = await createVictim({}, main)
  const doomed = await start({ DIE_AT: 'batch-begun', DIE_ON: `${dieOn}` }, [
    '--import',
    './test/kill/die-at.ts',
  ])
  const accepted: string[] = []
  const submit = async () => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${doomed.url}/echo`, { method: 'POST', headers, body: '{"n":1,"ms":0}' })
    accepted.push(((await response.json()) as { task_id: string }).task_id)
  }
  const client = async () => {
    while (doomed.child.exitCode === null && doomed.child.signalCode === null)
      await submit().catch(() => undefined)
  }
  await Promise.all(Array.from({ length: 16 }, client))
  await kill(await start())
  const found = new Set(query('SELECT id FROM tasks').map(({ id }) => id))
  return accepted.filter((id) => !found.has(id)).length
}

test('a build without the fence writes a second end', async () => {
  const folder = await brokenBuild(
    'journal/sqlite/writer/mutations.ts',
    'const APPEND_END = `${CHANGE} WHERE ${NEXT} AND run = ?3`',
    'const APPEND_END = `${CHANGE} WHERE id = ?7 AND ?5 > 0`',
  )
  const path = join(folder, 'src/journal/sqlite/sqlite-journal.ts')
  const broken = (await import(pathToFileURL(path).href)) as { openSqliteJournal: typeof openSqliteJournal }
  await using journal = await broken.openSqliteJournal({
    folder: await tempFolder(),
    reserveBytes: 0,
    writesPerCheckpoint: 4000,
    monotonic: () => performance.now(),
    onNote: () => undefined,
    onFatal: () => undefined,
  })
  const { admit, append, start, complete } = actsOn(journal)
  const running = await start(await admit({ id: 'a' }))
  await complete(running)
  // The run before comes back late.
  const late = { ...running, lastSeq: running.lastSeq + 1, run: running.run - 1 }
  const why = failure('execution_error', 'late')
  await append(late, { type: 'error', failure: why }, { status: 'error', finishedAt: 3000, failure: why })
  const events = await journal.tasks.eventsAfter('a', 0, 10)
  expect(events.map(({ type }) => type)).toEqual(['queued', 'started', 'result', 'error'])
})
