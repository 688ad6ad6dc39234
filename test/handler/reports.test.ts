import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask, type TaskDefinition } from '../../src/handler/define-task.ts'
import { TaskError } from '../../src/task/failure.ts'
import { createCore } from '../support/core.ts'
import { settled } from '../support/settle.ts'

async function runOnce(run: TaskDefinition['run']) {
  const core = createCore({
    types: [defineTask({ type: 'one', input: z.object({}), retry: { maxAttempts: 1 }, run })],
  })
  const id = await core.submitId('one')
  await core.pool.whenIdle()
  await settled()
  return { task: (await core.journal.tasks.task(id))!, events: await core.eventsOf(id) }
}

const cyclic: Record<string, unknown> = {}
cyclic['self'] = cyclic

test.each([
  ['a BigInt in a detail', { stage: 'read', step: 1n, totalSteps: 2 }],
  ['a cyclic detail', cyclic],
  ['a text as detail', 'half'],
])('%s of a progress fails its task by name, also when nothing awaits the call', async (_name, detail) => {
  const { task } = await runOnce((_input, ctx) => {
    ctx.progress(10, 'reading', detail as never)
    return 'fine'
  })
  expect([task.status, task.failure?.message]).toEqual([
    'error',
    'ctx.progress: the detail is to be { stage: string, step: number, totalSteps: number }',
  ])
})

test('an output that is no text fails its task', async () => {
  const { task } = await runOnce((_input, ctx) => ctx.output(10n as never))
  expect(task.failure?.message).toBe('ctx.output: expected a string, got bigint')
})

test('a message that is no text becomes text, and a long one is cut', async () => {
  const { task, events } = await runOnce((_input, ctx) => {
    ctx.log(10n as never)
    ctx.log('x'.repeat(30_000_000), 'loud' as never)
    ctx.progress(5n as never, Symbol('half') as never)
    return 'fine'
  })
  expect(task.status).toBe('completed')
  const messages = events.flatMap((event) => (event.type === 'log' ? [event.message] : []))
  expect(messages.map((message) => message.slice(0, 12))).toEqual(['10', 'xxxxxxxxxxxx'])
  expect(messages[1]?.length).toBe(2000)
})

test('a failure holds short texts and finite delays, whatever was given', async () => {
  const { task } = await runOnce(() => {
    throw new TaskError('execution_error', 'm'.repeat(30_000_000), {
      suggestions: [1n, cyclic, 's'.repeat(5000)] as never,
      retryAfterSeconds: 1e15,
      technicalDetails: 7n as never,
    })
  })
  const { failure } = task
  expect(failure?.message.length).toBe(2000)
  expect([failure?.suggestions.map((text) => text.length), failure?.retryAfterSeconds]).toEqual([
    [1, 15, 500],
    86_400,
  ])
  expect(failure?.technicalDetails).toBe('7')
  expect(JSON.stringify(task.failure)).toContain('execution_error')
})

test('a step needs a name that is a text', async () => {
  const { task } = await runOnce((_input, ctx) => ctx.step(10n as never, () => 1))
  expect(task.failure?.message).toBe('The name of a step is a text of 1 to 500 characters.')
})

test('the fields of a result that its event repeats are cut; the result is whole', async () => {
  const { task, events } = await runOnce(() => ({ summary: 's'.repeat(1_000_000) }))
  const end = events.at(-1)
  expect(end?.type === 'result' && end.summary?.length).toBe(20_000)
  expect(task.result?.length).toBeGreaterThan(1_000_000)
})
