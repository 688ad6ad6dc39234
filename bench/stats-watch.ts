import { setTimeout as sleep } from 'node:timers/promises'
import { expectStatus } from './replies.ts'
import { quantile } from './support.ts'

/** A process of its own that asks for the stats over and over: the process that makes the load is too busy to measure. */

const PAUSE_MS = 20
const [url = ''] = process.argv.slice(2)
const times: number[] = []
const over = new AbortController()
process.once('message', () => over.abort())
while (!over.signal.aborted) {
  const startedAt = performance.now()
  await (await expectStatus(await fetch(`${url}/api/queue/stats`), 200)).arrayBuffer()
  times.push(performance.now() - startedAt)
  await sleep(PAUSE_MS)
}
process.send?.({ p50: quantile(times, 0.5), p99: quantile(times, 0.99), count: times.length })
process.disconnect?.()
