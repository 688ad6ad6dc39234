import { expect, test } from 'vitest'
import { EMPTY_MINUTE, type Minute } from '../../src/history/minute.ts'
import { PARTS } from '../../src/journal/failure-groups.ts'
import type { Journal, TaskQuery } from '../../src/journal/journal.ts'
import { matchesQuery } from '../../src/journal/matches-query.ts'
import { failure } from '../../src/task/failure.ts'
import { actsOn, WHY } from './acts.ts'

/** What every journal promises of its lists, steps, failures and history. */
export function listConformance(name: string, open: () => Promise<Journal>): void {
  async function setup() {
    const journal = await open()
    return { journal, ...actsOn(journal) }
  }

  test(`${name}: tasks are listed by several statuses, level, time, failure and text, together and in pages`, async () => {
    const { journal, admit, append, start, run } = await setup()
    const day = 86_400_000
    await run({ id: '1', title: 'Größe der Bäume', createdAt: day })
    const failed = await start(
      await admit({ id: '2', priority: 3, createdAt: 2 * day, metadata: { k: 'Oak' } }),
    )
    await append(
      failed,
      { type: 'error', failure: WHY },
      { status: 'error', failure: WHY, finishedAt: 2 * day },
    )
    const upload = { spoolId: 's', name: '年报.pdf', mediaType: 'a/b', bytes: 1, sha256: '' }
    await admit({ id: '3', priority: 3, createdAt: 3 * day, upload })
    await admit({ id: '4', createdAt: 4 * day, caller: 'ann', title: 'An oak' })
    const ids = async (query: Omit<TaskQuery, 'limit'>, limit = 10) => {
      const page = await journal.tasks.list({ ...query, limit })
      return [page.tasks.map((task) => task.id).join(''), page.next]
    }
    expect(await ids({ statuses: ['error', 'completed'] })).toEqual(['21', null])
    expect(await ids({ statuses: ['queued', 'error'] })).toEqual(['432', null])
    expect(await ids({ statuses: ['queued', 'error'] }, 2)).toEqual(['43', '3'])
    expect(await ids({ statuses: ['queued', 'error'], before: '3' })).toEqual(['2', null])
    expect(await ids({ priority: 3 })).toEqual(['32', null])
    expect(await ids({ errorType: 'input_rejected' })).toEqual(['2', null])
    expect(await ids({ errorType: 'no_text' })).toEqual(['', null])
    expect(await ids({ createdFrom: 2 * day, createdBefore: 4 * day })).toEqual(['32', null])
    expect(await ids({ text: 'OAK' })).toEqual(['42', null])
    expect(await ids({ text: 'oak' }, 1)).toEqual(['4', '4'])
    expect(await ids({ text: 'oak', caller: 'ann', statuses: ['queued'] })).toEqual(['4', null])
    expect(await ids({ text: 'GRÖSSE' })).toEqual(['', null])
    expect(await ids({ text: 'GRÖßE' })).toEqual(['1', null])
    expect(await ids({ text: '年报' })).toEqual(['3', null])
  })

  test(`${name}: a text is found however it is stored: quoted, over lines, in metadata, in letters of either case`, async () => {
    const { journal, admit, run } = await setup()
    await run({ id: '1', title: 'He said "Oak"\nand left' })
    await admit({ id: '2', metadata: { 'the key': 'C:\\Reports', list: [1, null] } })
    await run({ id: '3', title: '300 \u212A' })
    await run({ id: '4', title: 'plain' })
    await run({ id: '5', title: '100% of a_b' })
    const found = async (text: string) => {
      const { tasks } = await journal.tasks.list({ text, limit: 10 })
      return tasks.map((task) => task.id).join('')
    }
    expect(await found('SAID "oak"')).toBe('1')
    expect(await found('"\nAND')).toBe('1')
    expect(await found('\\nand')).toBe('')
    expect(await found('"The Key":"c:\\\\reports"')).toBe('2')
    expect(await found('[1,null]')).toBe('2')
    expect(await found('300 k')).toBe('3')
    expect(await found('0% OF A_')).toBe('5')
    for (const text of ['3%0', 'p_ain', '%', '_'])
      expect(await found(text), text).toBe(/^[%_]$/.test(text) ? '5' : '')
    expect(await found('created')).toBe('')
  })

  test(`${name}: whatever is asked, the pages together are what a walk over all tasks finds`, async () => {
    const { journal, admit, append, start, run } = await setup()
    for (let index = 0; index < 60; index += 1) {
      const given = { id: `${100 + index}`, type: `t${index % 3}`, caller: `c${index % 4}` }
      if (index % 5 === 0) await admit(given)
      else if (index % 5 < 3) await run(given)
      else {
        const failed = await start(await admit(given))
        const end =
          index % 2 === 0 ? ({ status: 'error', failure: WHY } as const) : ({ status: 'timeout' } as const)
        await append(failed, { type: 'error', failure: WHY }, { ...end, finishedAt: 2000 })
      }
    }
    const walk = await journal.tasks.list({ limit: 100 })
    expect(walk.tasks).toHaveLength(60)
    const statuses = [
      undefined,
      ['error'],
      ['error', 'timeout'],
      ['queued'],
      ['queued', 'completed'],
    ] as const
    for (const type of [undefined, 't1', 'none'])
      for (const caller of [undefined, 'c2'])
        for (const wanted of statuses) {
          const query = {
            ...(type === undefined ? {} : { type }),
            ...(caller === undefined ? {} : { caller }),
            ...(wanted === undefined ? {} : { statuses: wanted }),
          }
          const found: string[] = []
          for (let next: string | null = '~'; next !== null;) {
            const page = await journal.tasks.list({ ...query, before: next, limit: 7 })
            found.push(...page.tasks.map(({ id }) => id))
            next = page.next
          }
          const expected = walk.tasks.filter((task) => matchesQuery(task, { ...query, limit: 0 }))
          expect(found, JSON.stringify(query)).toEqual(expected.map(({ id }) => id))
        }
  })

  test(`${name}: the steps of a task are listed in the order in which they were saved`, async () => {
    const { journal, admit, start, complete } = await setup()
    const running = await start(await admit({ id: 'a' }))
    await journal.steps.saveStep(running, { name: 'b', value: '1', savedAt: 2000 })
    await journal.steps.saveStep(running, { name: 'a', value: '2', savedAt: 3000 })
    expect(await journal.steps.listSteps('a')).toEqual([
      { name: 'b', savedAt: 2000 },
      { name: 'a', savedAt: 3000 },
    ])
    await complete(running)
    expect(await journal.steps.listSteps('a')).toEqual([])
  })

  test(`${name}: rows of the history are kept by minute and process, and pruned by minute`, async () => {
    const { journal } = await setup()
    const of = (submitted: number) => JSON.stringify({ ...EMPTY_MINUTE, submitted })
    await journal.history.saveMinute(5, 1, of(1))
    await journal.history.saveMinute(5, 2, of(2))
    await journal.history.saveMinute(7, 1, of(3))
    await journal.history.saveMinute(7, 1, of(4))
    const rows = async (from: number, size = 1) =>
      (await journal.history.minutes(from, size)).map(({ minute, row }) => [
        minute,
        (JSON.parse(row) as Minute).submitted,
      ])
    const both = [
      [5, 3],
      [7, 4],
    ]
    expect(await rows(0)).toEqual(both)
    expect(await rows(0, 10)).toEqual([[0, 7]])
    expect(await rows(6)).toEqual([[7, 4]])
    expect(await journal.retention.pruneMinutes(6, 10)).toBe(2)
    expect(await journal.retention.pruneMinutes(6, 10)).toBe(0)
    expect(await rows(0)).toEqual([[7, 4]])
  })

  test(`${name}: failures are grouped by their kind, the newest ids first`, async () => {
    const { journal, append, admit, start } = await setup()
    const fail = async (id: string, message: string, finishedAt: number, caller = 'local') => {
      const running = await start(await admit({ id, caller }))
      const why = failure('input_rejected', message)
      await append(running, { type: 'error', failure: why }, { status: 'error', failure: why, finishedAt })
    }
    await fail('1', 'Page 1 of "a" is empty.', 1000)
    await fail('2', 'Page 22 of "b c" is empty.', 3000)
    await fail('3', 'Page 3 of "d" is empty.', 2000, 'ann')
    await fail('4', 'Other', 2500)
    const group = { type: 'sample', errorType: 'input_rejected' }
    expect(await journal.tasks.failures({ since: 0, until: 4800, maxIds: 2 })).toEqual([
      {
        ...group,
        message: 'Page # of "…" is empty.',
        count: 3,
        firstAt: 1000,
        lastAt: 3000,
        ids: ['2', '3'],
        counts: countsAt(5, 10, 15),
      },
      { ...group, message: 'Other', count: 1, firstAt: 2500, lastAt: 2500, ids: ['4'], counts: countsAt(12) },
    ])
    const before = await journal.tasks.failures({ since: 0, until: 2400, maxIds: 5 })
    expect(before.map(({ ids }) => ids)).toEqual([['3', '1']])
    const since = await journal.tasks.failures({ since: 2100, until: 4000, maxIds: 5, caller: 'local' })
    expect(since.map(({ ids }) => ids)).toEqual([['2'], ['4']])
    expect(await journal.tasks.failures({ since: 0, until: 4000, maxIds: 5, caller: 'ben' })).toEqual([])
  })
}

/** One failure in each of these parts of the time. */
function countsAt(...parts: readonly number[]): number[] {
  return Array.from({ length: PARTS }, (_, part) => (parts.includes(part) ? 1 : 0))
}
