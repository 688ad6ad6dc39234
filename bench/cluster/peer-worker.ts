import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'bullmq'
import { PgBoss } from 'pg-boss'

/** `peer-worker.ts pg-boss <url> <slots>` or `bullmq <port> <slots>`: a worker of a peer in a process of its own. */

/** Numbers of the jobs that are completed. */
export interface PeerMessage {
  readonly done: readonly number[]
}
export type PeerOrder = 'work' | 'rest'

/** pg-boss is asked again after this time when nothing was there, ms; its own worker waits for half a second at least. */
const PAUSE_MS = 5
const [kind, address = '', count] = process.argv.slice(2)
const slots = Number(count)

function report(done: readonly number[]): void {
  process.send?.({ done } satisfies PeerMessage)
}

async function workWithPgBoss(): Promise<void> {
  const boss = new PgBoss({ connectionString: address, max: 2, supervise: false, schedule: false })
  boss.on('error', ({ message }) => console.error(message))
  await boss.start()
  let isWorking = false
  process.on('message', (order: PeerOrder) => (isWorking = order === 'work'))
  report([])
  while (process.connected) {
    const jobs = isWorking ? await boss.fetch<{ n: number }>('echo', { batchSize: slots }) : []
    if (jobs.length === 0) {
      await sleep(PAUSE_MS)
      continue
    }
    await boss.complete(
      'echo',
      jobs.map(({ id }) => id),
      {},
    )
    report(jobs.map(({ data }) => data.n))
  }
  await boss.stop({ graceful: false })
}

async function workWithBullMq(): Promise<void> {
  const connection = { host: '127.0.0.1', port: Number(address) }
  const worker = new Worker<{ n: number }>('echo', async ({ data: { n } }) => ({ n }), {
    connection,
    concurrency: slots,
  })
  worker.on('completed', ({ data: { n } }) => report([n]))
  worker.on('error', ({ message }) => console.error(message))
  await worker.waitUntilReady()
  process.once('disconnect', () => void worker.close().then(() => process.exit()))
  process.on('message', () => undefined)
  report([])
}

await (kind === 'pg-boss' ? workWithPgBoss() : workWithBullMq())
