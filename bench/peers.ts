import { Queue, Worker } from 'bullmq'
import { PgBoss } from 'pg-boss'
import { sendAll, timed, type Run } from './support.ts'

/** BullMQ: `count` jobs from their submit until the last has completed, with a worker of `slots` in this process. */
export async function bullmqRun(count: number, slots: number, port: number): Promise<Run> {
  const connection = { host: '127.0.0.1', port }
  const name = `empty-${slots}-${process.hrtime.bigint()}`
  const queue = new Queue(name, { connection })
  await queue.waitUntilReady()
  const { promise, resolve } = Promise.withResolvers<void>()
  let ended = 0
  const worker = new Worker(name, () => Promise.resolve(null), { connection, concurrency: slots })
  worker.on('error', (error) => console.error(error))
  worker.on('completed', () => {
    ended += 1
    if (ended === count) resolve()
  })
  await worker.waitUntilReady()
  const run = await timed(count, async () => {
    await sendAll(count, (n) => queue.add('empty', { n }, { priority: (n % 4) + 1 }))
    await promise
  })
  const completed = await queue.getCompletedCount()
  if (completed !== count) throw new Error(`BullMQ has completed ${completed} of ${count} jobs`)
  await worker.close()
  await queue.obliterate({ force: true })
  await queue.close()
  return run
}

/** pg-boss: the same, `slots` jobs to a fetch; `synchronous_commit` is on, as PostgreSQL has it. */
export async function pgBossRun(count: number, slots: number, url: string): Promise<Run> {
  const boss = new PgBoss({ connectionString: url })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  const name = `empty-${slots}-${process.hrtime.bigint()}`
  await boss.createQueue(name)
  const run = await timed(count, async () => {
    const sent = sendAll(count, async (n) => {
      if ((await boss.send(name, { n }, { priority: n % 4 })) === null) throw new Error('a job was not sent')
    })
    await Promise.all([sent, takeAll(boss, name, { count, slots })])
  })
  await boss.deleteQueue(name)
  await boss.stop({ graceful: false })
  return run
}

async function takeAll(
  boss: PgBoss,
  name: string,
  { count, slots }: { readonly count: number; readonly slots: number },
): Promise<void> {
  for (let done = 0; done < count;) {
    const jobs = await boss.fetch(name, { batchSize: slots })
    if (jobs.length === 0) continue
    const ids = jobs.map(({ id }) => id)
    await boss.complete(name, ids, {})
    done += ids.length
  }
}
