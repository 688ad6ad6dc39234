import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { Registry } from '../../src/handler/registry.ts'

const good = { type: 'resize', input: z.object({ width: z.number() }), run: () => null }

test('unknown fields of an input are refused', () => {
  const { input } = defineTask(good)
  expect(input.safeParse({ width: 1 }).success).toBe(true)
  expect(input.safeParse({ width: 1, extra: 2 }).success).toBe(false)
})

test.each([
  { type: 'Not A Path' },
  { type: '../up' },
  { timeoutMs: 0 },
  { timeoutMs: 2 ** 31 },
  { concurrency: 0 },
  { concurrency: 1.5 },
  { upload: { accept: [], maxBytes: 1 } },
  { upload: { accept: ['text/plain'], maxBytes: 0 } },
  { run: 'not a function' as unknown as () => null },
  { input: { width: 'number' } as unknown as z.ZodType },
  { timeout: 5 },
  { upload: { accept: ['text/plain'], maxBytes: 1, maxSize: 2 } },
  { input: z.object({ task_id: z.string() }) },
  { upload: { accept: ['text/plain'], maxBytes: 1 }, input: z.object({ priority: z.string() }) },
])('a definition with %j is refused with its reason', (given) => {
  expect(() => defineTask({ ...good, ...given })).toThrow(
    expect.objectContaining({ code: 'invalid-task-type' }),
  )
})

test('fields that are only the submit’s of the other kind of request are taken', () => {
  expect(() =>
    defineTask({ ...good, input: z.object({ priority: z.string(), file: z.string() }) }),
  ).not.toThrow()
  const upload = { accept: ['text/plain'], maxBytes: 1 }
  expect(() => defineTask({ ...good, upload, input: z.object({ task_id: z.string() }) })).not.toThrow()
})

test('two types of one name are refused', () => {
  expect(() => new Registry([defineTask(good), defineTask(good)])).toThrow(
    expect.objectContaining({ code: 'duplicate-task-type' }),
  )
})
