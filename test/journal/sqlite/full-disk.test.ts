import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import type { WriterMessage } from '../../../src/journal/sqlite/thread-protocol.ts'
import { toEventRow, toFixedRow, toStateRow } from '../../../src/journal/rows.ts'
import { MIGRATIONS } from '../../../src/journal/sqlite/schema.ts'
import { DiskReserve } from '../../../src/journal/sqlite/writer/disk-reserve.ts'
import { GroupCommit } from '../../../src/journal/sqlite/writer/group-commit.ts'
import type { Write } from '../../../src/journal/sqlite/writer/mutations.ts'
import { pack } from '../../../src/journal/sqlite/writer/packing.ts'
import { changeTask } from '../../../src/task/task.ts'
import { tempFolder } from '../../support/journal.ts'
import { sampleTask } from '../../support/tasks.ts'

/** Commits into a journal with a maximum of pages: it is full like a disk. */
async function setup() {
  const folder = await tempFolder()
  const db = new DatabaseSync(join(folder, 'journal.db'))
  for (const step of MIGRATIONS) db.exec(step)
  const messages: WriterMessage[] = []
  const commits = new GroupCommit({
    db,
    reserve: new DiskReserve(join(folder, 'journal.reserve'), 0),
    checkpoints: { count: () => undefined, whenIdle: () => undefined },
    lost: () => null,
    report: (message) => messages.push(message),
  })
  onTestFinished(() => commits.close())
  let first = 0
  const commit = (...writes: Write[]) => {
    commits.commit([{ first, writes: writes.map(pack) }])
    first += writes.length
  }
  const pages = () => Number(db.prepare('PRAGMA page_count').get()?.['page_count'])
  const allow = (more: number) => db.exec(`PRAGMA max_page_count = ${pages() + more}`)
  const totals = () =>
    Object.fromEntries(
      db
        .prepare('SELECT status, count FROM totals')
        .all()
        .map((row) => [row['status'], row['count']]),
    )
  const steps = () => Number(db.prepare('SELECT count(*) AS count FROM steps').get()?.['count'])
  const replies = () =>
    messages.flatMap((message) => (message.kind === 'refused' ? [...message.replies] : []))
  const isDiskFull = () => messages.findLast((message) => message.kind === 'disk')?.isFull
  return { commit, allow, totals, steps, replies, isDiskFull }
}

test('what is written again when a full disk has room is counted once', async () => {
  const { commit, allow, totals, steps, isDiskFull } = await setup()
  const queued = { ...sampleTask({ id: 'a' }), lastSeq: 1 }
  const toEvent = (task: typeof queued) =>
    toEventRow({ type: 'started', attempt: 1, seq: task.lastSeq, taskId: 'a', status: task.status, at: 1000 })
  const admission = {
    fixed: toFixedRow(queued),
    state: toStateRow(queued),
    input: '{}',
    events: [toEvent(queued)],
  }
  commit({ name: 'admit', args: [admission, null] })
  const running = changeTask(queued, { status: 'running', run: 1, attempt: 1, startedAt: 1000 })
  const ended = changeTask(running, { status: 'completed', finishedAt: 2000, result: '1' })
  const more = { isShared: false, delivery: null, dropped: null }
  const toAppend = (task: typeof queued, isEnd: boolean): Write => {
    const result = isEnd ? task.result : null
    return {
      name: 'append',
      args: [{ state: toStateRow(task), event: toEvent(task), isEnd, result, ...more }],
    }
  }
  const step = { name: 'large', value: 'x'.repeat(100_000), savedAt: 0 }
  const saveStep: Write = { name: 'saveStep', args: [{ id: 'a', run: 1 }, step] }
  commit(toAppend(running, false))
  expect(totals()).toEqual({})

  allow(0)
  commit(saveStep, toAppend(ended, true))
  expect([isDiskFull(), totals(), steps()]).toEqual([true, {}, 0])

  allow(1000)
  await expect.poll(isDiskFull).toBe(false)
  expect([totals(), steps()]).toEqual([{ completed: 1 }, 0])
})

test('a full disk refuses a task that would start at once, with its start', async () => {
  const { commit, allow, replies, isDiskFull } = await setup()
  const queued = { ...sampleTask({ id: 'a', input: { text: 'x'.repeat(100_000) } }), lastSeq: 1 }
  const running = changeTask(queued, { status: 'running', run: 1, attempt: 1, startedAt: 1000 })
  const toEvent = ({ lastSeq: seq, status }: typeof queued) =>
    toEventRow({ type: 'started', attempt: 1, seq, taskId: 'a', status, at: 1000 })
  const rows = { fixed: toFixedRow(queued), state: toStateRow(running), input: 'x'.repeat(100_000) }
  allow(0)
  commit({ name: 'admit', args: [{ ...rows, events: [queued, running].map(toEvent) }, null] })
  expect(isDiskFull()).toBe(true)
  expect(replies()).toMatchObject([{ number: 0, fault: { code: 'disk-full' } }])
})
