import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toEventRow, toFixedRow, toStateRow } from '../src/journal/rows.ts'
import { filesIn } from '../src/journal/sqlite/open/files.ts'
import { openJournal } from '../src/journal/sqlite/open/open.ts'
import { MIGRATIONS } from '../src/journal/sqlite/schema.ts'
import { MUTATIONS, type AdmitRows, type AppendRows } from '../src/journal/sqlite/writer/mutations.ts'
import { Transaction } from '../src/journal/sqlite/writer/transaction.ts'
import type { EventBody } from '../src/task/event.ts'
import { changeTask, type Task } from '../src/task/task.ts'
import { mixedPriorities, sampleTask, timed, type Run } from './support.ts'

/** Admissions to a commit: those of a crowd share one. */
const ADMITTED_AT_ONCE = 500
/** As the writer of the product. */
const WRITES_PER_CHECKPOINT = 4000

interface TaskRows {
  readonly admission: AdmitRows
  readonly start: AppendRows
  readonly end: AppendRows
}

/**
 * What a thread reaches that does nothing but commit the rows of tasks, made before and by the statements of the product:
 * the ends of `slots` tasks and the starts of the next ones are one commit, with its sync. No queue, no handler, no message
 * between threads.
 */
export async function bareWriterRun(count: number, slots: number): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  const { db } = openJournal(filesIn(folder), MIGRATIONS)
  const tx = new Transaction(db)
  const tasks = mixedPriorities(count).map((priority, n) => toRows(sampleTask(n, priority)))
  let writes = 0
  const commit = (calls: readonly (() => unknown)[]) => {
    tx.begin()
    // An append without effect gives its refusal.
    for (const call of calls) if (call() !== undefined) throw new Error('a row was refused')
    tx.flushTotals()
    tx.commit()
    writes += calls.length
    if (writes < WRITES_PER_CHECKPOINT) return
    db.exec('PRAGMA wal_checkpoint(PASSIVE)')
    writes = 0
  }
  const run = await timed(count, () => {
    for (const some of inGroups(tasks, ADMITTED_AT_ONCE)) {
      commit(
        some.map(
          ({ admission }) =>
            () =>
              MUTATIONS.admit.apply(tx, admission, null),
        ),
      )
    }
    let running: readonly TaskRows[] = []
    for (const next of [...inGroups(tasks, slots), []]) {
      commit([
        ...running.map(
          ({ end }) =>
            () =>
              MUTATIONS.append.apply(tx, end),
        ),
        ...next.map(
          ({ start }) =>
            () =>
              MUTATIONS.append.apply(tx, start),
        ),
      ])
      running = next
    }
    return Promise.resolve()
  })
  const ended = db.prepare("SELECT count(*) AS count FROM tasks WHERE status = 'completed'").get()?.['count']
  db.close()
  rmSync(folder, { recursive: true, force: true })
  if (ended !== count) throw new Error(`${String(ended)} of ${count} tasks were written to their end`)
  return run
}

function inGroups<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) =>
    items.slice(n * size, (n + 1) * size),
  )
}

function toRows(given: Task): TaskRows {
  const queued = { ...given, lastSeq: 1 }
  const at = given.createdAt
  const running = changeTask(queued, { status: 'running', run: 1, attempt: 1, startedAt: at, waitMs: 1 })
  const ending = { status: 'completed', finishedAt: at, runMs: 1, progress: 100, result: 'null' } as const
  const ended = changeTask(running, ending)
  const place = { type: 'queued', queuePosition: 1, tasksAhead: 0, wait: null } as const
  return {
    admission: {
      fixed: toFixedRow(queued),
      state: toStateRow(queued),
      input: JSON.stringify(queued.input),
      events: [eventOf(queued, place)],
    },
    start: appendOf(running, { type: 'started', attempt: 1 }),
    end: appendOf(ended, { type: 'result', title: null, summary: null, filename: null, hash: null }),
  }
}

function eventOf(task: Task, body: EventBody) {
  return toEventRow({ ...body, seq: task.lastSeq, taskId: task.id, status: task.status, at: task.createdAt })
}

function appendOf(task: Task, body: EventBody): AppendRows {
  const { finishedAt, result } = task
  const none = { isShared: false, delivery: null, dropped: null }
  return { ...none, state: toStateRow(task), event: eventOf(task, body), isEnd: finishedAt !== null, result }
}
