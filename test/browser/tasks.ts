import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { defineTask, TaskError } from '../../src/index.ts'

/** Task types of the servers that a browser watches: the `TASKS_FILE`. */

const DEEDS = process.env['DEEDS_FILE'] ?? '/dev/null'
const timesRun = () => (existsSync(DEEDS) ? readFileSync(DEEDS, 'utf8').split('\n').length - 1 : 0)

/** Settles never, but for the abort of the run. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error))
  })
}

export default [
  defineTask({
    type: 'story',
    input: z.object({ lines: z.number(), ms: z.number() }),
    retry: { maxAttempts: 3, baseMs: 100, capMs: 200 },
    // A line a step. The first two runs wait to be ended, the third is refused by a provider, the fourth loses the
    // connection: whatever the speed of the machine, each of them does.
    run: async ({ lines, ms }, ctx) => {
      appendFileSync(DEEDS, 'run\n')
      const run = timesRun()
      for (let line = 0; line < lines; line += 1) {
        await ctx.step(`line ${line}`, () => sleep(ms))
        ctx.output(`Line ${line}.\n`)
        ctx.progress((100 * (line + 1)) / lines, `Line ${line}`)
        if (line + 1 === (run * lines) / 4 && run <= 2) await aborted(ctx.signal)
        if (run === 3 && line > lines / 2) {
          throw new TaskError('provider_rate_limited', 'Slow down.', { retryAfterSeconds: 1 })
        }
        if (run === 4 && line > (2 * lines) / 3)
          throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
      }
      return { runs: run }
    },
  }),
]
