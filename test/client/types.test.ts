import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { createClient, type TaskHandle } from '../../src/client/index.ts'
import { defineTask } from '../../src/handler/define-task.ts'
import type { TASKS } from './tasks.ts'

// Nothing runs here: `npm run typecheck` fails when an expected error is none, or a type is another one.
const unused = () => createClient<typeof TASKS>({ url: 'http://127.0.0.1:1' })

test('inputs and results have the types of their definitions', () => {
  const submits = (client: ReturnType<typeof unused>) => ({
    write: client.submit('write', { words: 1 }),
    withDefault: client.submit('write', { words: 1, pauseMs: 2 }),
    upload: client.upload('measure', new Blob([])),
    // @ts-expect-error -- no such type
    unknown: client.submit('wrote', { words: 1 }),
    // @ts-expect-error -- not a number
    wrong: client.submit('write', { words: 'one' }),
    // @ts-expect-error -- a field is missing
    missing: client.submit('write', {}),
  })
  type Submits = ReturnType<typeof submits>
  expectTypeOf<Submits['write']>().resolves.toEqualTypeOf<TaskHandle<{ words: number }>>()
  expectTypeOf<Submits['upload']>().resolves.toEqualTypeOf<TaskHandle<string>>()
})

test('events are told apart by their type', () => {
  const read = async (task: TaskHandle) => {
    for await (const event of task.events()) {
      if (event.type === 'output') expectTypeOf(event.chunk).toEqualTypeOf<string>()
      if (event.type === 'progress') expectTypeOf(event.progress).toEqualTypeOf<number>()
      if (event.type === 'error') expectTypeOf(event.suggestions).toEqualTypeOf<string[]>()
    }
  }
  expectTypeOf(read).returns.toEqualTypeOf<Promise<void>>()
})

test('without definitions any task can be submitted', () => {
  const submit = () => createClient().submit('whatever', { any: 1 })
  expectTypeOf(submit).returns.resolves.toExtend<TaskHandle>()
})

test('what a task returns has to be what its output allows', () => {
  const input = z.object({})
  const define = () => [
    defineTask({ type: 'right', input, output: z.object({ n: z.number() }), run: () => ({ n: 1 }) }),
    // @ts-expect-error -- a text is no number
    defineTask({ type: 'wrong', input, output: z.object({ n: z.number() }), run: () => ({ n: 'one' }) }),
  ]
  expectTypeOf(define).returns.toBeArray()
})
