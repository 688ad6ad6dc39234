import { monitorEventLoopDelay } from 'node:perf_hooks'
import { z } from 'zod'
import type * as Headgate from '../src/index.ts'

/** Task types of the built servers that are measured: the `TASKS_FILE`. `lag` tells how late the event loop was. */

const { defineTask } = (await import(new URL('../dist/index.js', import.meta.url).href)) as typeof Headgate

const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const NS_PER_MS = 1e6

export default [
  defineTask({ type: 'empty', input: z.object({ n: z.number() }), run: () => null }),
  defineTask({ type: 'copy', input: z.object({ text: z.string() }), run: ({ text }) => text }),
  defineTask({ type: 'lag', input: z.object({}), run: () => ({ p99: delay.percentile(99) / NS_PER_MS }) }),
]
