import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { defineTask, TaskError } from '../../src/index.ts'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const numbered = z.object({ n: z.number() })
/** Whose result it is. */
const worker = process.env['WORKER_NAME'] ?? ''

/** Task types of the processes that the tests of the cluster start. */
export default [
  defineTask({ type: 'echo', input: numbered, run: ({ n }) => ({ n }) }),
  defineTask({
    type: 'slow',
    input: z.object({ ms: z.number(), n: z.number().default(0) }),
    retry: { maxAttempts: 3 },
    run: async ({ ms, n }, { step, progress, signal }) => {
      const first = await step('first', () => process.pid)
      const pieces = 5
      for (let piece = 1; piece <= pieces && !signal.aborted; piece += 1) {
        await sleep(ms / pieces)
        progress((piece / pieces) * 100)
      }
      signal.throwIfAborted()
      return { n, first, last: process.pid, worker }
    },
  }),
  defineTask({
    type: 'nap',
    input: z.object({ ms: z.number(), n: z.number().default(0) }),
    run: async ({ ms, n }, { progress }) => {
      progress(10)
      await sleep(ms)
      return { n, worker }
    },
  }),
  defineTask({
    type: 'stepping',
    input: z.object({}),
    run: async (_input, { step }) => {
      let sum = 0
      for (let n = 0; n < 30; n += 1) {
        sum += await step(`step ${n}`, () => n)
        await sleep(100)
      }
      return { sum }
    },
  }),
  defineTask({
    type: 'flaky',
    input: numbered,
    retry: { maxAttempts: 3, baseMs: 100 },
    run: ({ n }, { attempt }) => {
      if (attempt < 3) throw new TaskError('network_timeout', 'Not yet.')
      return { n }
    },
  }),
  defineTask({
    type: 'limited',
    input: numbered,
    run: async ({ n }, { step }) => {
      let isFirst = false
      await step('asked', () => {
        isFirst = true
        return 1
      })
      if (isFirst) throw new TaskError('provider_rate_limited', 'Too many.', { retryAfterSeconds: 1 })
      return { n }
    },
  }),
  defineTask({
    type: 'digest',
    input: z.object({}),
    upload: { accept: ['text/plain'], maxBytes: 4 * 1024 * 1024 },
    run: async (_input, { upload }) => {
      const bytes = await readFile(upload?.path ?? '')
      return { sha256: createHash('sha256').update(bytes).digest('hex') }
    },
  }),
  defineTask({
    type: 'hold',
    input: z.object({ ms: z.number(), n: z.number().default(0) }),
    retry: { maxAttempts: 3 },
    resources: { unit: { concurrency: 2 } },
    run: ({ ms, n }, { resource, progress }) =>
      resource('unit', {}, async () => {
        progress(10, `${process.pid}`)
        await sleep(ms)
        return { n, worker }
      }),
  }),
]
