import { expect, test } from 'vitest'
import { toFixedRow, toStateRow, toTask, type WholeTaskRow } from '../../src/journal/rows.ts'
import { changeTask, type Task } from '../../src/task/task.ts'
import { sampleTask } from '../support/tasks.ts'

function toRow(task: Task): WholeTaskRow {
  const { input, result } = task
  return { ...toFixedRow(task), ...toStateRow(task), input: JSON.stringify(input), result }
}

const waiting = (id: string) => sampleTask({ id, title: `task ${id}`, input: { text: id }, createdAt: 1000 })
const running = (id: string) =>
  changeTask(waiting(id), { status: 'running', run: 1, attempt: 1, startedAt: 1500, waitMs: 500, left: [2] })
const ended = (id: string) =>
  changeTask(running(id), { status: 'completed', finishedAt: 2000, runMs: 500, result: '"done"' })

test('tasks in one state and in others, one after another, are what they were', () => {
  const tasks = [waiting('a'), waiting('b'), running('c'), ended('d'), waiting('e'), running('f')]
  expect(tasks.map((task) => toTask(toRow(task)))).toEqual(tasks)
})

test('a row of an earlier version: what it does not name is as a task begins, durations are differences', () => {
  const row = toRow(ended('a'))
  const { waitMs: _wait, runMs: _run, joins: _joins, waitUntil: _until, ...state } = JSON.parse(row.state)
  const { title: _title, trace: _trace, ...fixed } = JSON.parse(row.fixed)
  const old = { ...row, fixed: JSON.stringify(fixed), state: JSON.stringify({ ...state, waiters: 3 }) }
  const expected = { ...ended('a'), waiters: 3, joins: 3, title: null, waitMs: 500, runMs: 500 }
  expect(toTask(old)).toEqual(expected)
  // It does not matter what was read before.
  expect(toTask(row)).toEqual(ended('a'))
  expect(toTask(old)).toEqual(expected)
})

test('an upload that was forgotten is none', () => {
  const upload = { spoolId: 'f', name: 'a.pdf', size: 3, contentType: 'application/pdf', digest: 'x' }
  const row = toRow({ ...waiting('a'), upload: upload as unknown as Task['upload'] })
  expect(toTask(row).upload).toEqual(upload)
  expect(toTask({ ...row, spool_id: null }).upload).toBeNull()
})

test('the texts of a row are JSON, whatever the values', () => {
  const odd = {
    ...ended('a'),
    title: 'a "quoted" \u2028 title',
    progress: 0.1 + 0.2,
    runMs: Number.NaN,
    message: undefined as unknown as string,
    left: [1, 2],
  }
  const { fixed, state } = toRow(odd)
  expect(toTask({ ...toRow(odd), fixed, state })).toMatchObject({ title: odd.title, left: [1, 2] })
  expect(JSON.parse(fixed)).toMatchObject({ title: odd.title })
  const kept = JSON.parse(state) as Record<string, unknown>
  expect(kept).toMatchObject({ progress: odd.progress, runMs: null, left: [1, 2] })
  expect(kept).not.toHaveProperty('message')
})
