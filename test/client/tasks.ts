import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'
import { TaskError } from '../../src/task/failure.ts'

/** Task types of the servers that the client is tried with. */
export const TASKS = [
  defineTask({
    type: 'write',
    input: z.object({ words: z.number().int().min(1), pauseMs: z.number().default(1) }),
    run: async ({ words, pauseMs }, ctx) => {
      for (let index = 0; index < words; index += 1) {
        ctx.output(`word${index} `)
        await new Promise((resolve) => setTimeout(resolve, pauseMs))
      }
      return { words }
    },
  }),
  defineTask({
    type: 'fail',
    input: z.object({}),
    run: () => {
      throw new TaskError('no_text', 'Nothing to read.', { suggestions: ['Run OCR.'] })
    },
  }),
  defineTask({
    type: 'hang',
    input: z.object({}),
    run: (_input, ctx) =>
      new Promise<never>((_resolve, reject) =>
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error)),
      ),
  }),
  defineTask({
    type: 'measure',
    input: z.object({ unit: z.string().default('bytes') }),
    upload: { accept: ['text/plain'], maxBytes: 1_000_000 },
    run: ({ unit }, ctx) => `${ctx.upload?.bytes} ${unit}`,
  }),
] as const
