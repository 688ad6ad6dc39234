import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask, type TaskDefinition } from '../../src/handler/define-task.ts'
import { TaskError } from '../../src/task/failure.ts'
import { createCore } from '../support/core.ts'
import { settled } from '../support/settle.ts'

/** One task type whose handler the test gives, run to its end. */
async function runOnce(run: TaskDefinition['run'], input: unknown = {}) {
  const core = createCore({ types: [defineTask({ type: 'one', input: z.looseObject({}), run })] })
  const id = await core.submitId('one', input)
  await core.pool.whenIdle()
  await settled()
  const task = await core.journal.tasks.task(id)
  return { ...core, id, task: task!, events: await core.eventsOf(id) }
}

test('a result ends the task as completed, its headline in the terminal event', async () => {
  const { task, events } = await runOnce(() => ({ title: 'T', pages: 3 }))
  expect(task).toMatchObject({
    status: 'completed',
    result: '{"title":"T","pages":3}',
    progress: 100,
    attempt: 1,
  })
  expect(events.map((event) => event.type)).toEqual(['queued', 'started', 'result'])
  expect(events.at(-1)).toMatchObject({ title: 'T', summary: null })
})

const throwingGetters = Object.defineProperties(
  {},
  {
    message: {
      get: () => {
        throw new Error('no message for you')
      },
    },
    name: {
      get: () => {
        throw new Error('no name for you')
      },
    },
  },
)
const hostileProxy = new Proxy(
  {},
  {
    getPrototypeOf: () => {
      throw new Error('no prototype')
    },
  },
)

test.each([
  ['undefined', undefined, /undefined/],
  ['null', null, /null/],
  ['a string', 'just text', /just text/],
  ['an object whose getters throw', throwingGetters, /cannot be read/],
  ['a hostile proxy', hostileProxy, /cannot be read/],
  ['a symbol', Symbol('odd'), /odd/],
  ['a frozen error', Object.freeze(new Error('frozen')), /frozen/],
])('a handler that throws %s fails its task with a sentence', async (_name, thrown, message) => {
  const { task } = await runOnce(() => Promise.reject(thrown))
  expect(task).toMatchObject({ status: 'error', failure: { errorType: 'execution_error' } })
  expect(task.failure?.message).toMatch(message)
})

test('a named failure keeps its name and suggestions', async () => {
  const { task } = await runOnce(() => {
    throw new TaskError('input_rejected', 'The scan has no text.', { suggestions: ['Run OCR.'] })
  })
  expect(task.failure).toMatchObject({
    errorType: 'input_rejected',
    suggestions: ['Run OCR.'],
    retryable: false,
  })
})

test('a result that is not JSON-safe ends the task with a clear error', async () => {
  const { task } = await runOnce(() => ({ n: 1n }))
  expect(task.failure?.message).toBe(
    'The result of the handler is not JSON-safe: Do not know how to serialize a BigInt.',
  )
})

test('a handler that never settles hurts no neighbour, and its late result is refused', async () => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const types = [
    defineTask({ type: 'stuck', input: z.object({}), run: () => promise, timeoutMs: 1000 }),
    defineTask({ type: 'good', input: z.object({}), run: () => 'fine' }),
  ]
  const core = createCore({ types })
  const stuck = await core.submitId('stuck')
  const good = await core.submitId('good')
  await settled()
  core.clock.advance(11_000)
  await settled()
  expect((await core.journal.tasks.task(good))?.status).toBe('completed')
  resolve('late')
  await settled()
  expect(await core.journal.tasks.task(stuck)).toMatchObject({ status: 'timeout', result: null })
  expect((await core.eventsOf(stuck)).map((event) => event.type)).toEqual(['queued', 'started', 'error'])
})

test('a handler that rejects late is refused without a trace', async () => {
  const { promise, reject } = Promise.withResolvers<string>()
  const core = createCore({
    types: [defineTask({ type: 'stuck', input: z.object({}), run: () => promise, timeoutMs: 1000 })],
  })
  const id = await core.submitId('stuck')
  await settled()
  core.clock.advance(11_000)
  await settled()
  reject(new Error('late'))
  await settled()
  expect((await core.journal.tasks.task(id))?.status).toBe('timeout')
})

test('the events of a run are numbered, and those after its end are dropped', async () => {
  const { clock, journal, submitId, pool, eventsOf } = createCore({
    types: [
      defineTask({
        type: 'talk',
        input: z.object({}),
        run: (_input, ctx) => {
          ctx.progress(10, 'begun', { stage: 'one', step: 1, totalSteps: 2 })
          ctx.log('a line', 'warn')
          ctx.output('chunk')
          ctx.progress(90)
          setImmediate(() => ctx.log('too late'))
        },
      }),
    ],
  })
  const id = await submitId('talk')
  await pool.whenIdle()
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  clock.advance(1000)
  const events = await eventsOf(id)
  expect(events.map((event) => [event.seq, event.type])).toEqual([
    [1, 'queued'],
    [2, 'started'],
    [3, 'progress'],
    [4, 'log'],
    [5, 'output'],
    [6, 'progress'],
    [7, 'result'],
  ])
  expect(await journal.tasks.task(id)).toMatchObject({ progress: 100, message: 'a line', lastSeq: 7 })
})

test('too many lines are cut, and that is reported', async () => {
  const { events } = await runOnce((_input, ctx) => {
    for (let line = 0; line < 1000; line += 1) ctx.log(`line ${line} ${'x'.repeat(3000)}`)
  })
  const logs = events.filter((event) => event.type === 'log')
  expect(logs).toHaveLength(101)
  expect(logs.every((event) => event.message.length <= 2000)).toBe(true)
  expect(logs.at(-1)?.message).toBe('900 log lines were left out: too many.')
})

test('a step runs once; its result comes back as JSON gives it', async () => {
  const { task } = await runOnce(async (_input, ctx) => {
    const [a, b] = await Promise.all([
      ctx.step('a', () => ({ at: new Date(0) })),
      ctx.step('b', async () => 2),
    ])
    return { a, b }
  })
  expect(task.result).toBe('{"a":{"at":"1970-01-01T00:00:00.000Z"},"b":2}')
})

test.each([
  [
    'one name twice',
    async (ctx: { step: (name: string, work: () => unknown) => Promise<unknown> }) => {
      await ctx.step('same', () => 1)
      await ctx.step('same', () => 2)
    },
    /two steps of this run are named "same"/i,
  ],
  [
    'a result that is not JSON-safe',
    (ctx: { step: (name: string, work: () => unknown) => Promise<unknown> }) => ctx.step('big', () => 1n),
    /step "big" is not JSON-safe/,
  ],
])('steps refuse %s', async (_name, work, message) => {
  const { task } = await runOnce((_input, ctx) => work(ctx))
  expect(task.failure?.message).toMatch(message)
})
