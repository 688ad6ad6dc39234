import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Queue } from 'bullmq'
import { Client } from 'pg'
import { PgBoss } from 'pg-boss'
import { startRedis } from '../redis.ts'
import { inLanes, until, type Contender } from './contender.ts'
import { cpuOf, cpuOfTree, parentOf } from '../cpu.ts'
import type { PeerMessage, PeerOrder } from './peer-worker.ts'

export interface PeerWorkers {
  readonly workers: number
  /** Of each worker. */
  readonly slots: number
}

/**
 * Plain pg-boss: `send` here, over as many connections as it has by default, since commits of several wait for the disk
 * together; `fetch` and `complete` of batches in the workers, as fast as they can.
 */
export async function startPgBoss(databaseUrl: string, size: PeerWorkers): Promise<Contender> {
  const boss = new PgBoss({ connectionString: databaseUrl })
  boss.on('error', ({ message }) => console.error(message))
  await boss.start()
  await boss.createQueue('echo')
  const workers = await startWorkers('pg-boss', databaseUrl, size)
  const db = new Client(databaseUrl)
  await db.connect()
  const server = parentOf(
    (await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? 0,
  )
  await db.end()
  const submit = async (n: number) => {
    if ((await boss.send('echo', { n })) === null) throw new Error('a job was not sent')
  }
  return {
    name: 'pg-boss',
    run: (tasks) => runOn(workers, tasks, submit),
    cpu: () => toCpu(cpuOfTree(server), workers),
    stop: async () => {
      await stopWorkers(workers)
      await boss.stop({ graceful: false })
    },
  }
}

/** BullMQ over a Redis that waits for its disk at each write. */
export async function startBullMq(size: PeerWorkers): Promise<Contender> {
  const redis = await startRedis('always')
  const connection = { host: '127.0.0.1', port: redis.port }
  const queue = new Queue('echo', { connection, defaultJobOptions: { removeOnComplete: true } })
  await queue.waitUntilReady()
  const workers = await startWorkers('bullmq', `${redis.port}`, size)
  return {
    name: 'bullmq',
    run: (tasks) => runOn(workers, tasks, async (n) => void (await queue.add('echo', { n }))),
    cpu: () => toCpu(cpuOf(redis.pid), workers),
    stop: async () => {
      await stopWorkers(workers)
      await queue.close()
      await redis.stop()
    },
  }
}

interface PeerWorker {
  readonly child: ChildProcess
  /** Numbers of the jobs that it has completed since the run began. */
  done: number[]
}

async function startWorkers(
  kind: 'pg-boss' | 'bullmq',
  address: string,
  { workers, slots }: PeerWorkers,
): Promise<readonly PeerWorker[]> {
  const script = fileURLToPath(new URL('peer-worker.ts', import.meta.url))
  return Promise.all(
    Array.from({ length: workers }, async () => {
      const child = fork(script, [kind, address, `${slots}`])
      const worker: PeerWorker = { child, done: [] }
      await once(child, 'message')
      child.on('message', ({ done }: PeerMessage) => worker.done.push(...done))
      return worker
    }),
  )
}

/** Each number has to be completed once. */
async function runOn(
  workers: readonly PeerWorker[],
  tasks: number,
  submit: (n: number) => Promise<void>,
): Promise<void> {
  const order = (what: PeerOrder) => {
    for (const { child } of workers) child.send(what)
  }
  for (const worker of workers) worker.done = []
  order('work')
  await inLanes(tasks, submit)
  const count = () => workers.reduce((sum, { done }) => sum + done.length, 0)
  await until(() => count() >= tasks, `${tasks} jobs`)
  order('rest')
  const numbers = new Set(workers.flatMap(({ done }) => done))
  if (count() !== tasks || numbers.size !== tasks)
    throw new Error(`${count()} jobs, ${numbers.size} different ones, of ${tasks}`)
}

async function stopWorkers(workers: readonly PeerWorker[]): Promise<void> {
  await Promise.all(
    workers.map(async ({ child }) => {
      const exited = once(child, 'exit')
      child.disconnect()
      await exited
    }),
  )
}

function toCpu(database: number, workers: readonly PeerWorker[]) {
  const ofWorkers = workers.reduce((sum, { child }) => sum + cpuOf(child.pid), 0)
  const { user, system } = process.cpuUsage()
  return { database, workers: ofWorkers, submits: (user + system) / 1000 }
}
