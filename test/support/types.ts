import { z } from 'zod'
import { defineTask } from '../../src/handler/define-task.ts'

/** Handlers that end when the test wants it. */
export function heldType(type = 'held') {
  const held: { readonly id: string; readonly end: (value?: unknown) => void }[] = []
  const definition = defineTask({
    type,
    input: z.looseObject({}),
    run: (_input, ctx) =>
      new Promise((resolve, reject) => {
        held.push({ id: ctx.taskId, end: (value = null) => resolve(value) })
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
      }),
  })
  return { definition, held }
}

/** A handler that speaks `count` lines, with a turn of the event loop or a pause between them, once the gate opens. */
export function talkingType() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  const definition = defineTask({
    type: 'talk',
    input: z.object({ count: z.number(), chars: z.number().default(10), pauseMs: z.number().default(0) }),
    run: async ({ count, chars, pauseMs }, ctx) => {
      await opened
      for (let index = 0; index < count; index += 1) {
        ctx.output('x'.repeat(chars))
        await new Promise((resolve) => (pauseMs > 0 ? setTimeout(resolve, pauseMs) : setImmediate(resolve)))
      }
      return { title: 'Talked', count }
    },
  })
  return { definition, open }
}
