import { z } from 'zod'
import { defineTask } from '../../src/index.ts'

/** Task types for tests of a whole process: its `TASKS_FILE`. */
const input = z.object({})

export default [
  defineTask({
    type: 'obedient',
    input,
    run: (_input, ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error))
      }),
  }),
  // Never gives the processor back.
  defineTask({
    type: 'spin',
    input,
    run: () => {
      for (;;);
    },
  }),
  // Keeps the thread without using the processor, as a read of a disk that hangs does.
  defineTask({
    type: 'block',
    input,
    run: () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500)
    },
  }),
  defineTask({ type: 'stuck', input, run: () => new Promise(() => {}) }),
  defineTask({
    type: 'floating',
    input,
    run: async () => {
      void Promise.reject(new Error('left floating'))
      await new Promise((resolve) => setTimeout(resolve, 50))
      return 'fine'
    },
  }),
  defineTask({
    type: 'floating-unreadable',
    input,
    run: async () => {
      const error = new Error('its getters throw')
      const get = () => {
        throw new Error('a getter that throws')
      }
      for (const name of ['message', 'stack']) Object.defineProperty(error, name, { get })
      void Promise.reject(error)
      await new Promise((resolve) => setTimeout(resolve, 50))
      return 'fine'
    },
  }),
]
