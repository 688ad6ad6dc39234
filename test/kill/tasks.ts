import { createHash } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'

/** Task types of the processes that are killed: the `TASKS_FILE`. Each records on disk what it has really done. */

const DEEDS = process.env['DEEDS_FILE'] ?? '/dev/null'
const deed = (text: string) => appendFileSync(DEEDS, `${text}\n`)

export default [
  defineTask({
    type: 'echo',
    input: z.object({ n: z.number(), ms: z.number() }),
    run: async ({ n, ms }) => {
      await sleep(ms)
      return { n }
    },
  }),
  defineTask({
    type: 'digest',
    input: z.object({}),
    upload: { accept: ['text/plain', 'application/octet-stream'], maxBytes: 1024 * 1024 },
    run: (_input, ctx) => ({
      sha256: createHash('sha256')
        .update(readFileSync(ctx.upload?.path ?? ''))
        .digest('hex'),
    }),
  }),
  defineTask({
    type: 'steps',
    input: z.object({ count: z.number(), ms: z.number().default(0) }),
    run: async ({ count, ms }, ctx) => {
      deed(`${ctx.taskId} run`)
      for (let index = 0; index < count; index += 1) {
        await ctx.step(`step ${index}`, async () => {
          deed(`${ctx.taskId} step ${index}`)
          await sleep(ms)
          return index
        })
        ctx.progress((100 * (index + 1)) / count, `step ${index}`)
        ctx.output(`${index} `)
      }
      return { count }
    },
  }),
]
