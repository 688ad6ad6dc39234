import { expect, test } from 'vitest'
import type { Journal, JournalEntry, TaskQuery } from '../../src/journal/journal.ts'
import { failure } from '../../src/task/failure.ts'
import { changeTask, type Task, type TaskChange } from '../../src/task/task.ts'
import { sampleTask } from '../support/tasks.ts'
import { actsOn, toEvent, WHY } from './acts.ts'
import { listConformance } from './list-conformance.ts'

/** What every journal promises; each implementation runs the whole suite. */
export function journalConformance(name: string, open: () => Promise<Journal>): void {
  listConformance(name, open)

  async function setup() {
    const journal = await open()
    return { journal, ...actsOn(journal) }
  }

  test(`${name}: what was written is read back, whole and in order`, async () => {
    const { journal, append, admit, start } = await setup()
    const webhook = { url: 'https://example.com/hook', secret: null }
    const queued = await admit({
      id: 'a',
      input: { text: '漢字 \u0000 "quoted"' },
      metadata: { k: [1] },
      webhook,
    })
    const running = await start(queued)
    const ended = await append(
      running,
      { type: 'error', failure: WHY },
      { status: 'error', failure: WHY, finishedAt: 3000 },
    )
    expect(await journal.tasks.task('a')).toEqual(ended)
    const events = await journal.tasks.eventsAfter('a', 0, 10)
    expect(events.map((event) => [event.seq, event.type, event.status])).toEqual([
      [1, 'queued', 'queued'],
      [2, 'started', 'running'],
      [3, 'error', 'error'],
    ])
    expect(events[2]).toMatchObject({ failure: { errorType: 'input_rejected' }, at: 1000 })
  })

  test(`${name}: a task can be admitted with the start of its first run, in one write`, async () => {
    const { journal, complete } = await setup()
    const queued = { ...sampleTask({ id: 'a', input: { n: 1 } }), lastSeq: 1 }
    const running = changeTask(queued, { status: 'running', run: 1, attempt: 1, startedAt: 1500 })
    const place = { queuePosition: 1, tasksAhead: 0, wait: null }
    const key = {
      caller: 'local',
      key: 'k',
      fingerprint: 'f',
      taskId: 'a',
      waiter: 1,
      expiresAt: 9_000_000_000_000,
    }
    await journal.tasks.admit({ task: queued, event: toEvent(queued, { type: 'queued', ...place }) }, key, {
      task: running,
      event: toEvent(running, { type: 'started', attempt: 1 }),
    })
    expect(await journal.tasks.task('a')).toEqual(running)
    expect(await journal.duplicates.keyed('local', 'k')).toEqual(key)
    expect(await journal.recovery.totals()).toMatchObject({ running: 1 })
    const events = await journal.tasks.eventsAfter('a', 0, 10)
    expect(events.map(({ seq, type, status }) => [seq, type, status])).toEqual([
      [1, 'queued', 'queued'],
      [2, 'started', 'running'],
    ])
    await complete(running)
    expect(await journal.recovery.totals()).toMatchObject({ completed: 1 })
  })

  test(`${name}: a result is kept with the task, and not in lists`, async () => {
    const { journal, run } = await setup()
    const ended = await run({ id: 'a' })
    expect(await journal.tasks.task('a')).toEqual(ended)
    expect(ended.result).toBe('"fine"')
    expect(await journal.tasks.resultBytes('a')).toBe(6)
    const { id } = await run({ id: 'b' })
    expect([await journal.tasks.resultBytes(id), await journal.tasks.resultBytes('none')]).toEqual([6, 0])
  })

  test(`${name}: events are read after any number, a number at a time`, async () => {
    const { journal, start, admit, complete } = await setup()
    await complete(await start(await admit({ id: 'a' })))
    const after = async (seq: number, limit: number) =>
      (await journal.tasks.eventsAfter('a', seq, limit)).map((event) => event.seq)
    expect([await after(0, 2), await after(2, 2), await after(3, 2)]).toEqual([[1, 2], [3], []])
    expect(await journal.tasks.eventsAfter('unknown', 0, 10)).toEqual([])
  })

  test(`${name}: an unknown task is undefined`, async () => {
    const { journal } = await setup()
    expect(await journal.tasks.task('unknown')).toBeUndefined()
  })

  test(`${name}: an end is written once, by the run that it ends`, async () => {
    const { journal, start, admit, complete } = await setup()
    const first = await start(await admit({ id: 'a' }))
    const second = changeTask(first, { status: 'queued', attempt: 0, startedAt: null })
    await journal.tasks.append({
      task: second,
      event: toEvent(second, { type: 'queued', queuePosition: 1, tasksAhead: 0, wait: null }),
    })
    const running = await start(second)
    // The first run comes back late, with a number that would fit.
    const late = { ...first, lastSeq: running.lastSeq }
    await expect(complete(late)).rejects.toMatchObject({ code: 'stale-run' })
    const ended = await complete(running)
    await expect(complete({ ...running, lastSeq: ended.lastSeq })).rejects.toMatchObject({
      code: 'stale-run',
    })
    const events = await journal.tasks.eventsAfter('a', 0, 10)
    expect(events.map((event) => event.type)).toEqual(['queued', 'started', 'queued', 'started', 'result'])
    expect(await journal.recovery.totals()).toMatchObject({ completed: 1 })
  })

  test(`${name}: an event that does not follow the newest one is refused`, async () => {
    const { admit, append } = await setup()
    const task = await admit({ id: 'a' })
    await append(task, { type: 'log', message: 'one', level: 'info' })
    await expect(append(task, { type: 'log', message: 'again', level: 'info' })).rejects.toMatchObject({
      code: 'stale-run',
    })
  })

  test(`${name}: lists go newest first, by page, and filter`, async () => {
    const { journal, start, admit, run } = await setup()
    for (const id of ['1', '2', '3', '4', '5']) {
      const task = await admit({ id, type: id === '3' ? 'other' : 'sample' })
      if (id === '5') await start(task)
    }
    await run({ id: '6', caller: 'ann' })
    const ids = async (query: Omit<TaskQuery, 'limit'>, limit = 10) => {
      const page = await journal.tasks.list({ ...query, limit })
      return [page.tasks.map((task) => task.id).join(''), page.next]
    }
    expect(await ids({}, 3)).toEqual(['654', '4'])
    expect(await ids({ before: '4' }, 2)).toEqual(['32', '2'])
    expect(await ids({ before: '2' }, 2)).toEqual(['1', null])
    expect(await ids({ type: 'other' })).toEqual(['3', null])
    expect(await ids({ statuses: ['running'] })).toEqual(['5', null])
    expect(await ids({ statuses: ['completed'] })).toEqual(['6', null])
    expect(await ids({ caller: 'ann' })).toEqual(['6', null])
    expect(await ids({ caller: 'ann', statuses: ['queued'] })).toEqual(['', null])
    expect(await ids({ caller: 'nobody' })).toEqual(['', null])
  })

  test(`${name}: a step is kept by task and name`, async () => {
    const { journal, admit } = await setup()
    await admit({ id: 'a' })
    await admit({ id: 'b' })
    await journal.steps.saveStep({ id: 'a', run: 0 }, { name: 'chapter 1', value: '{"n":1}', savedAt: 1000 })
    expect(await journal.steps.loadStep('a', 'chapter 1')).toBe('{"n":1}')
    expect(await journal.steps.loadStep('a', 'chapter 2')).toBeUndefined()
    expect(await journal.steps.loadStep('b', 'chapter 1')).toBeUndefined()
  })

  test(`${name}: a step of a run that is over is refused, and the one that is kept stands`, async () => {
    const { journal, admit, start, append, complete } = await setup()
    const first = await start(await admit({ id: 'a' }))
    await journal.steps.saveStep(first, { name: 'one', value: '1', savedAt: 1000 })
    const waiting = await append(
      first,
      { type: 'retrying', attempt: 1, failure: WHY, retryAt: 5, waitReason: 'retry_backoff' },
      { status: 'waiting' },
    )
    const queued = { type: 'queued', queuePosition: 1, tasksAhead: 0, wait: null } as const
    const second = await start(await append(waiting, queued, { status: 'queued' }))
    const late = [
      journal.steps.saveStep(first, { name: 'one', value: '2', savedAt: 1000 }),
      journal.steps.saveStep(first, { name: 'two', value: '2', savedAt: 1000 }),
    ]
    for (const each of late) await expect(each).rejects.toMatchObject({ code: 'stale-run' })
    await journal.steps.saveStep(second, { name: 'two', value: '3', savedAt: 1000 })
    expect(await journal.steps.loadStep('a', 'one')).toBe('1')
    expect(await journal.steps.loadStep('a', 'two')).toBe('3')
    await complete(second)
    const after = journal.steps.saveStep(second, { name: 'three', value: '4', savedAt: 1000 })
    await expect(after).rejects.toMatchObject({ code: 'stale-run' })
    expect(await journal.steps.loadStep('a', 'three')).toBeUndefined()
  })

  test(`${name}: of two writers of a note that is kept the first one's text stands for both`, async () => {
    const { journal } = await setup()
    const { notes } = journal
    expect(await Promise.all([notes.keepNote('k', 'one'), notes.keepNote('k', 'two')])).toEqual([
      'one',
      'one',
    ])
    expect(await notes.loadNote('k')).toBe('one')
  })

  test(`${name}: the steps of a task go with its end`, async () => {
    const { journal, append, admit } = await setup()
    const queued = await admit({ id: 'a' })
    await journal.steps.saveStep({ id: 'a', run: 0 }, { name: 'one', value: '1', savedAt: 1000 })
    const why = failure('cancelled', 'cancelled')
    await append(
      queued,
      { type: 'error', failure: why },
      { status: 'cancelled', failure: why, finishedAt: 5 },
    )
    expect(await journal.steps.loadStep('a', 'one')).toBeUndefined()
  })

  test(`${name}: a key is kept with the task that it made, the newest use of it`, async () => {
    const { journal, admit } = await setup()
    const key = (taskId: string) => ({
      caller: 'ann',
      key: 'k',
      fingerprint: 'f',
      taskId,
      waiter: 1,
      expiresAt: 9000,
    })
    await admit({ id: 'a' }, key('a'))
    expect(await journal.duplicates.keyed('ann', 'k')).toEqual(key('a'))
    expect(await journal.duplicates.keyed('bob', 'k')).toBeUndefined()
    await admit({ id: 'b' }, key('b'))
    expect((await journal.duplicates.keyed('ann', 'k'))?.taskId).toBe('b')
  })

  test(`${name}: the newest completed task of a content is found, by its caller alone`, async () => {
    const { journal, admit, run } = await setup()
    const content = 'c1'
    await run({ id: '1', content })
    await run({ id: '2', content })
    await admit({ id: '3', content })
    expect(await journal.duplicates.completedWith('local', content)).toBe('2')
    expect(await journal.duplicates.completedWith('ann', content)).toBeUndefined()
    expect(await journal.duplicates.completedWith('local', 'c2')).toBeUndefined()
  })

  test(`${name}: what has not ended is found by page, in the order of admission`, async () => {
    const { journal, start, admit, run } = await setup()
    await run({ id: '1' })
    for (const id of ['2', '3', '4']) await admit({ id, input: { text: id } })
    await start(await admit({ id: '5' }))
    const page = async (after: string | null) => await journal.recovery.unfinished(after, 2)
    expect((await page(null)).map(({ id }) => id)).toEqual(['2', '3'])
    expect((await page('3')).map(({ id, status }) => [id, status])).toEqual([
      ['4', 'queued'],
      ['5', 'running'],
    ])
    expect(await page('5')).toEqual([])
    expect((await page(null))[0]?.input).toEqual({ text: '2' })
    expect(await journal.recovery.totals()).toMatchObject({ completed: 1, queued: 3, running: 1 })
    expect(await journal.recovery.newestId()).toBe('5')
    expect(await journal.recovery.durations(10)).toMatchObject([{ waitMs: 1500, runMs: 500 }])
  })

  test(`${name}: notes are kept by name`, async () => {
    const { journal } = await setup()
    expect(await journal.notes.loadNote('secret')).toBeUndefined()
    await journal.notes.saveNote('secret', 'one')
    await journal.notes.saveNote('secret', 'two')
    expect(await journal.notes.loadNote('secret')).toBe('two')
  })

  test(`${name}: a task that ended is erased with all that was kept of it, one that lives is not`, async () => {
    const { journal, admit, run } = await setup()
    const upload = { spoolId: 's1', name: 'x', mediaType: 'text/plain', bytes: 1, sha256: 'f' }
    await run({ id: 'a', upload, content: 'c' })
    await admit({ id: 'b' })
    expect(await journal.recovery.spoolIds()).toEqual(['s1'])
    expect(await journal.retention.erase('a', 5000)).toBe('s1')
    expect(await journal.retention.erase('b', 5000)).toBeNull()
    expect(await journal.tasks.task('a')).toBeUndefined()
    expect(await journal.tasks.eventsAfter('a', 0, 10)).toEqual([])
    expect([await journal.tasks.result('a'), await journal.tasks.resultBytes('a')]).toEqual([null, 0])
    expect(await journal.duplicates.completedWith('local', 'c')).toBeUndefined()
    expect(await journal.retention.ownerOfErased('a')).toBe('local')
    expect((await journal.tasks.task('b'))?.status).toBe('queued')
    expect(await journal.recovery.totals()).toMatchObject({ completed: 1, queued: 1 })
  })

  test(`${name}: what ended before a time is pruned piece by piece: events, uploads, tasks, traces`, async () => {
    const { journal, admit, run } = await setup()
    const { retention } = journal
    for (const id of ['1', '2', '3']) {
      const upload = { spoolId: `s${id}`, name: 'x', mediaType: 'text/plain', bytes: 1, sha256: 'f' }
      await run({ id, upload }, 1000 * Number(id))
    }
    await admit(
      { id: '4' },
      { caller: 'ann', key: 'k', fingerprint: 'f', taskId: '4', waiter: 1, expiresAt: 10 },
    )
    expect([await retention.pruneEvents(2500, 1), await retention.pruneEvents(2500, 5)]).toEqual([1, 1])
    expect((await journal.tasks.eventsAfter('1', 0, 10)).map(({ seq, type }) => [seq, type])).toEqual([
      [3, 'result'],
    ])
    expect(await journal.tasks.eventsAfter('3', 0, 10)).toHaveLength(3)

    const uploads = await retention.endedUploads(2500, 5)
    expect(uploads.map(({ spoolId }) => spoolId).sort()).toEqual(['s1', 's2'])
    await retention.forgetUploads(['1'])
    expect((await journal.tasks.task('1'))?.upload).toBeNull()

    expect(await retention.eraseEnded(2500, 8000, 1)).toMatchObject({ tasks: 1 })
    expect(await retention.eraseEnded(2500, 8000, 5)).toEqual({ tasks: 1, spoolIds: ['s2'] })
    expect(await retention.eraseEnded(2500, 8000, 5)).toEqual({ tasks: 0, spoolIds: [] })
    expect((await journal.tasks.task('3'))?.status).toBe('completed')
    expect(await retention.pruneTraces(10, 7999, 10)).toBe(1)
    expect(await journal.duplicates.keyed('ann', 'k')).toBeUndefined()
    expect(await retention.pruneTraces(10, 8001, 10)).toBe(2)
    expect(await retention.ownerOfErased('1')).toBeUndefined()
  })

  test(`${name}: a webhook is due from the end of its task until it is settled`, async () => {
    const { journal, run, admit } = await setup()
    const { deliveries } = journal
    const webhook = { url: 'https://example.com/hook', secret: null }
    await admit({ id: '0', webhook })
    expect(await deliveries.nextAt()).toBeNull()
    for (const id of ['1', '2', '3']) await run({ id, webhook })
    const due = { id: 'msg_1', taskId: '1', caller: 'local', ...webhook, attempt: 0, nextAt: 1000 }
    expect(await deliveries.due(1000, 1)).toEqual([due])
    expect(await deliveries.due(999, 5)).toEqual([])
    await deliveries.postpone('msg_1', 1, 4000)
    expect((await deliveries.due(1000, 5)).map(({ taskId }) => taskId)).toEqual(['2', '3'])
    await deliveries.settle('msg_2')
    await deliveries.settleAll('ann', webhook.url)
    expect(await deliveries.nextAt()).toBe(1000)
    await deliveries.settleAll('local', webhook.url)
    expect(await deliveries.nextAt()).toBeNull()
  })

  test(`${name}: of several submits of one task each that has not left gets its webhook at the end`, async () => {
    const { journal, admit, start, complete } = await setup()
    const webhook = { url: 'https://example.com/hook', secret: null }
    const body = { type: 'log', message: 'one more, or one less', level: 'info' } as const
    const change = async (task: Task, given: TaskChange, also: Partial<JournalEntry>) => {
      const next = changeTask(task, given)
      await journal.tasks.append({ task: next, event: toEvent(next, body), ...also })
      return next
    }
    const join = (task: Task, joins: number) => {
      const delivery = { id: `of ${joins}`, caller: 'local', ...webhook }
      return change(task, { waiters: joins, joins }, { delivery })
    }
    const joined = await join(await join(await admit({ id: 'a', webhook }), 2), 3)
    const two = await change(joined, { waiters: 2, left: [1] }, {})
    const one = await change(two, { waiters: 1, left: [1, 3] }, { dropped: 'of 3' })
    expect(await journal.deliveries.nextAt()).toBeNull()
    await complete(await start(one))
    expect((await journal.deliveries.due(1000, 10)).map(({ id }) => id)).toEqual(['of 2'])
  })
}
