import { z } from 'zod'
import { defineTask } from '../../src/index.ts'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Task types of the processes that the tests of the cluster start. */
export default [
  defineTask({ type: 'echo', input: z.object({ n: z.number() }), run: ({ n }) => ({ n }) }),
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
      return { n, first, last: process.pid }
    },
  }),
]
