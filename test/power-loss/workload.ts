import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openSqliteJournal } from '../../src/journal/sqlite/sqlite-journal.ts'
import { changeTask } from '../../src/task/task.ts'
import { NO_HEADLINE, sampleTask } from '../support/tasks.ts'

/** What is recorded: tasks from their admission to their end, several at a time, through several checkpoints. */

const [folder = ''] = process.argv.slice(2)
const TASKS = 90
const AT_ONCE = 4

const marks = openSync(join(folder, 'marks'), 'a')
const mark = (text: string) => writeSync(marks, `${text}\n`)
const journal = await openSqliteJournal({
  folder,
  reserveBytes: 0,
  writesPerCheckpoint: 70,
  monotonic: () => performance.now(),
  onNote: () => undefined,
  onFatal: (error) => {
    throw error
  },
})

const about = { at: 1000 } as const
for (let first = 0; first < TASKS; first += AT_ONCE) {
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => live(`task-${first + index}`, index)))
}

async function live(id: string, index: number): Promise<void> {
  const task = { ...sampleTask({ id, input: { text: id.repeat(20) } }), lastSeq: 1 }
  const place = { queuePosition: 1, tasksAhead: 0, wait: null }
  const queued = { ...about, ...place, type: 'queued', seq: 1, taskId: id, status: 'queued' } as const
  const running = changeTask(task, { status: 'running', run: 1, attempt: 1, startedAt: 1000 })
  const started = { ...about, type: 'started', attempt: 1, seq: 2, taskId: id, status: 'running' } as const
  const start = { task: running, event: started }
  // Every other one finds a free slot, and starts in the commit of its admission.
  const isIdle = index % 2 === 1
  await journal.tasks.admit({ task, event: queued }, null, ...(isIdle ? [start] : []))
  mark(`durable ${id} queued`)
  if (!isIdle) await journal.tasks.append(start)
  mark(`durable ${id} running`)

  const ended = changeTask(running, { status: 'completed', finishedAt: 2000, result: JSON.stringify(id) })
  const result = {
    ...about,
    ...NO_HEADLINE,
    type: 'result',
    seq: 3,
    taskId: id,
    status: 'completed',
  } as const
  await journal.tasks.append({ task: ended, event: result })
  mark(`durable ${id} completed`)
}
// The power goes before it is closed.
process.kill(process.pid, 'SIGKILL')
