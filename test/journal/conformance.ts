import { expect, test } from 'vitest'
import type { Journal } from '../../src/journal/journal.ts'
import type { EventBody, TaskEvent } from '../../src/task/event.ts'
import { failure } from '../../src/task/failure.ts'
import { changeTask, type Task, type TaskChange } from '../../src/task/task.ts'
import { sampleTask } from '../support/tasks.ts'

/** What every journal promises; each implementation runs the whole suite. */
export function journalConformance(name: string, open: () => Promise<Journal>): void {
  async function setup() {
    const journal = await open()
    const append = async (task: Task, body: EventBody, change: TaskChange = {}): Promise<Task> => {
      const next = changeTask(task, change)
      const event: TaskEvent = { ...body, seq: next.lastSeq, taskId: task.id, status: next.status, at: 1000 }
      await journal.tasks.append({ task: next, event })
      return next
    }
    const admit = (given: Parameters<typeof sampleTask>[0]) =>
      append(sampleTask(given), { type: 'queued', queuePosition: 1, tasksAhead: 0 })
    return { journal, append, admit }
  }

  test(`${name}: what was appended is read back, whole and in order`, async () => {
    const { journal, append, admit } = await setup()
    const queued = await admit({ id: 'a', input: { text: '漢字 \u0000 "quoted"' }, metadata: { k: [1] } })
    const running = await append(
      queued,
      { type: 'started', attempt: 1 },
      { status: 'running', run: 1, attempt: 1 },
    )
    const ended = await append(
      running,
      { type: 'error', failure: failure('no_text', 'none') },
      { status: 'error', failure: failure('no_text', 'none') },
    )
    expect(await journal.tasks.task('a')).toEqual(ended)
    const events = await journal.tasks.eventsAfter('a', 0)
    expect(events.map((event) => [event.seq, event.type, event.status])).toEqual([
      [1, 'queued', 'queued'],
      [2, 'started', 'running'],
      [3, 'error', 'error'],
    ])
    expect(events[2]).toMatchObject({ failure: { errorType: 'no_text' }, at: 1000 })
  })

  test(`${name}: events are read after any number`, async () => {
    const { journal, append, admit } = await setup()
    const queued = await admit({ id: 'a' })
    await append(queued, { type: 'started', attempt: 1 }, { status: 'running' })
    expect((await journal.tasks.eventsAfter('a', 1)).map((event) => event.seq)).toEqual([2])
    expect(await journal.tasks.eventsAfter('a', 2)).toEqual([])
    expect(await journal.tasks.eventsAfter('unknown', 0)).toEqual([])
  })

  test(`${name}: an unknown task is undefined`, async () => {
    const { journal } = await setup()
    expect(await journal.tasks.task('unknown')).toBeUndefined()
  })

  test(`${name}: lists go newest first, by page, and filter`, async () => {
    const { journal, append, admit } = await setup()
    for (const id of ['1', '2', '3', '4', '5']) await admit({ id, type: id === '3' ? 'other' : 'sample' })
    const running = await journal.tasks.task('5')
    await append(running!, { type: 'started', attempt: 1 }, { status: 'running' })
    const ids = async (query: Omit<Parameters<typeof journal.tasks.list>[0], 'limit'>, limit = 10) => {
      const page = await journal.tasks.list({ ...query, limit })
      return [page.tasks.map((task) => task.id).join(''), page.next]
    }
    expect(await ids({}, 2)).toEqual(['54', '4'])
    expect(await ids({ before: '4' }, 2)).toEqual(['32', '2'])
    expect(await ids({ before: '2' }, 2)).toEqual(['1', null])
    expect(await ids({ type: 'other' })).toEqual(['3', null])
    expect(await ids({ status: 'running' })).toEqual(['5', null])
    expect(await ids({ caller: 'nobody' })).toEqual(['', null])
  })

  test(`${name}: a step is kept by task and name`, async () => {
    const { journal, admit } = await setup()
    await admit({ id: 'a' })
    await admit({ id: 'b' })
    await journal.steps.saveStep('a', 'chapter 1', '{"n":1}')
    expect(await journal.steps.loadStep('a', 'chapter 1')).toBe('{"n":1}')
    expect(await journal.steps.loadStep('a', 'chapter 2')).toBeUndefined()
    expect(await journal.steps.loadStep('b', 'chapter 1')).toBeUndefined()
  })

  test(`${name}: the steps of a task go with its end`, async () => {
    const { journal, append, admit } = await setup()
    const queued = await admit({ id: 'a' })
    await journal.steps.saveStep('a', 'one', '1')
    const why = failure('cancelled', 'cancelled')
    await append(queued, { type: 'error', failure: why }, { status: 'cancelled', failure: why })
    expect(await journal.steps.loadStep('a', 'one')).toBeUndefined()
  })
}
