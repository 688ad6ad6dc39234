import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { defineTask, TaskError } from '../../src/index.ts'

const PARAGRAPH =
  'A queue holds work until a worker is free to take it. Each chapter is written in its turn, and what is written is kept.'

/**
 * Writes a text, chapter by chapter.
 *
 * @param beforeLast what the last chapter waits for
 */
export const reportType = (beforeLast: () => Promise<void> = () => Promise.resolve()) =>
  defineTask({
    type: 'report',
    input: z.object({
      title: z.string().max(200).optional(),
      chapters: z.int().min(1).max(30).default(3),
      pause_ms: z.int().min(0).default(200),
    }),
    run: async ({ chapters, pause_ms: pauseMs, title = 'Report' }, ctx) => {
      let text = ''
      const write = (part: string) => {
        text += part
        ctx.output(part)
      }
      write(`# ${title}\n\n`)
      for (let chapter = 1; chapter <= chapters; chapter += 1) {
        ctx.progress((100 * (chapter - 1)) / chapters, `Writing chapter ${chapter}`, {
          stage: 'chapter',
          step: chapter,
          totalSteps: chapters,
        })
        ctx.log(`chapter ${chapter} begins`)
        if (chapter === chapters) await beforeLast()
        await ctx.step(`chapter ${chapter}`, () => sleep(pauseMs, true))
        write(`## Chapter ${chapter}\n\n${PARAGRAPH} **Kept.**\n\n- one\n- two\n\n`)
      }
      return { title, markdown: text }
    },
  })

/** Task types of the servers whose page is looked at: the `TASKS_FILE`. */
export default [
  reportType(),
  defineTask({
    type: 'upload',
    input: z.object({ title: z.string().optional() }),
    upload: { accept: ['text/plain', 'application/pdf'], maxBytes: 5_000_000 },
    run: async (_input, ctx) => {
      ctx.progress(50, 'Reading')
      await sleep(300)
      return { title: ctx.upload?.name, bytes: ctx.upload?.bytes }
    },
  }),
  defineTask({
    type: 'broken',
    input: z.object({ n: z.int().default(1), name: z.string().default('a.pdf') }),
    run: ({ n, name }, ctx) => {
      ctx.log('about to fail', 'warn')
      throw new TaskError('no_text', `Page ${n} of "${name}" has no text.`, {
        suggestions: ['Run text recognition over it first.'],
      })
    },
  }),
  defineTask({
    type: 'provider',
    input: z.object({}),
    resources: { llm: { concurrency: 1 } },
    retry: { maxAttempts: 5, baseMs: 600_000 },
    run: () => {
      throw Object.assign(new Error('overloaded'), { status: 529, headers: { 'retry-after': '600' } })
    },
  }),
  defineTask({
    type: 'hang',
    input: z.object({}),
    run: (_input, ctx) =>
      new Promise<never>((_resolve, reject) => {
        ctx.progress(35, 'Reading page 5 of 14')
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
      }),
  }),
]
