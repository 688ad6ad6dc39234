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
  await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => live(`task-${first + index}`)))
}

async function live(id: string): Promise<void> {
  const task = { ...sampleTask({ id, input: { text: id.repeat(20) } }), lastSeq: 1 }
  const place = { queuePosition: 1, tasksAhead: 0, wait: null }
  const queued = { ...about, ...place, type: 'queued', seq: 1, taskId: id, status: 'queued' } as const
  await journal.tasks.admit({ task, event: queued }, null)
  mark(`durable ${id} queued`)

  const running = changeTask(task, { status: 'running', run: 1, attempt: 1, startedAt: 1000 })
  const started = { ...about, type: 'started', attempt: 1, seq: 2, taskId: id, status: 'running' } as const
  await journal.tasks.append({ task: running, event: started })
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
