import { expect, test } from 'vitest'
import type { TaskPage } from '../../../src/journal/journal.ts'
import { sqliteJournal, tempFolder } from '../../support/journal.ts'
import { actsOn } from '../acts.ts'
import { journalConformance } from '../conformance.ts'

journalConformance('sqlite', async () => sqliteJournal(await tempFolder()))

test('what was written is there when the journal is opened again', async () => {
  const folder = await tempFolder()
  const first = await sqliteJournal(folder)
  const { run, admit, start } = actsOn(first)
  const ended = await run({ id: '1' })
  const running = await start(await admit({ id: '2', input: { pages: [1, 2] } }))
  await first.steps.saveStep(running, { name: 'one', value: '"done"', savedAt: 1000 })
  await first.notes.saveNote('n', 'text')
  await first[Symbol.asyncDispose]()

  const second = await sqliteJournal(folder)
  expect(await second.tasks.task('1')).toEqual(ended)
  expect(await second.recovery.unfinished(null, 10)).toEqual([running])
  expect(await second.recovery.stepCount('2')).toBe(1)
  expect(await second.notes.loadNote('n')).toBe('text')
  expect(await second.recovery.totals()).toMatchObject({ completed: 1, running: 1 })
})

test('what comes after the end is refused, and no caller waits for it', async () => {
  const journal = await sqliteJournal(await tempFolder())
  await journal[Symbol.asyncDispose]()
  await expect(journal.notes.saveNote('n', 'late')).rejects.toMatchObject({ code: 'journal-unavailable' })
  await expect(journal.notes.loadNote('n')).rejects.toThrow()
})

test('a rare kind among thousands is found by reading page after page', async () => {
  const journal = await sqliteJournal(await tempFolder())
  const { admit } = actsOn(journal)
  // A page looks at 5000 tasks; the rare ones stand just behind the first page.
  const idOf = (index: number) => String(index).padStart(5, '0')
  const admissions = Array.from({ length: 5002 }, (_, index) =>
    admit({ id: idOf(index), type: index < 2 ? 'rare' : 'sample' }),
  )
  await Promise.all(admissions)
  const found: string[] = []
  let next: string | null = null
  do {
    const page: TaskPage = await journal.tasks.list({
      type: 'rare',
      limit: 10,
      ...(next === null ? {} : { before: next }),
    })
    found.push(...page.tasks.map(({ id }) => id))
    next = page.next
  } while (next !== null)
  expect(found).toEqual([idOf(1), idOf(0)])
})
