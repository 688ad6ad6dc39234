import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { postgresPrograms, usePostgres } from '../../support/postgres.ts'
import { seededRandom } from '../../support/random.ts'
import { findViolations, startAudit, watchSnapshots } from './checks.ts'
import { createReceiver, isCancelled, KINDS, readNumbers, submit, type Promised } from './clients.ts'
import { createCluster } from './processes.ts'

const programs = postgresPrograms()
/** Submits in all; `npm run test:cluster-kill` makes it 5000. */
const TASKS = Number(process.env['CLUSTER_TASKS'] ?? 150)
const isLong = TASKS > 1000
const WORKERS = ['one', 'two', 'three']
/** Time between two faults. */
const FAULT_EVERY_MS = 1500
/** Longer than a worker may be silent; the short form moves its last heartbeat into the past instead. */
const FROZEN_MS = isLong ? 14_000 : 3000
const DOWN_MS = isLong ? 5000 : 1000
const NO_HINTS_MS = 2000
const WATCHED = 5

describe.skipIf(programs === undefined)('a cluster in which everything fails', () => {
  const postgres = usePostgres(programs)

  test(
    'nothing that was accepted is lost, nothing ends twice, and no stream has a gap',
    { timeout: 240_000 + TASKS * 400 },
    async () => {
      const receiver = await createReceiver()
      const cluster = await createCluster(postgres)
      const start = (role: 'web' | 'worker', name: string) =>
        cluster.start(role, name, { FETCH_ALLOW_HOSTS: receiver.host })
      const steady = await start('web', 'web one')
      let second = await start('web', 'web two')
      const workers = await Promise.all(WORKERS.map((name) => start('worker', name)))
      await startAudit(cluster.db)
      const seen = watchSnapshots(cluster.db)
      const random = seededRandom(11)
      const over = new AbortController()

      const faults: Record<string, () => Promise<unknown>> = {
        worker: async () => {
          const which = Math.floor(random() * WORKERS.length)
          await workers[which]?.end('SIGKILL')
          workers[which] = await start('worker', WORKERS[which] ?? '')
        },
        web: async () => {
          await second.end('SIGKILL')
          second = await start('web', 'web two')
        },
        frozen: async () => {
          const pid = workers[0]?.child.pid ?? 0
          process.kill(pid, 'SIGSTOP')
          // What it has locked is free when its transaction has timed out.
          if (!isLong) await cluster.lapse('one').catch(() => undefined)
          await setTimeout(FROZEN_MS)
          process.kill(pid, 'SIGCONT')
        },
        database: async () => {
          await postgres.server.crash()
          await setTimeout(DOWN_MS)
          await postgres.server.start()
        },
        hints: async () => {
          await cluster.loseHints()
          await setTimeout(NO_HINTS_MS)
          await cluster.passHints()
        },
      }
      const order = ['worker', 'database', 'web', 'hints', 'worker', 'frozen', 'worker', 'worker']
      const failing = (async () => {
        for (let round = 0; round < order.length || !over.signal.aborted; round += 1) {
          await setTimeout(FAULT_EVERY_MS)
          await faults[order[round % order.length] ?? '']?.()
        }
      })()

      const promised = new Map<string, Promised>()
      const streams: Promise<readonly number[]>[] = []
      for (let n = 0; n < TASKS; n += 1) {
        const kind = KINDS[n % KINDS.length] ?? ''
        const id = await submit({ kind, n, host: receiver.host }, () =>
          n % 2 === 0 ? steady.url : second.url,
        )
        const known: Promised = { n, kind, isCancelled: false }
        promised.set(id, known)
        if (kind === 'cancel') known.isCancelled = await isCancelled(steady.url, id)
        if (kind === 'slow' && streams.length < WATCHED)
          streams.push(readNumbers(`${steady.url}/api/tasks/${id}/stream`))
      }
      await expect.poll(cluster.unfinished, { timeout: 180_000 + TASKS * 100, interval: 300 }).toBe(0)
      over.abort()
      await failing

      expect(promised.size).toBe(TASKS)
      expect(await findViolations(cluster.db, promised)).toEqual([])
      for (const numbers of await Promise.all(streams))
        expect(numbers).toEqual(numbers.map((_, index) => index + 1))
      const webhooks = [...promised.values()].filter(({ kind }) => kind === 'webhook').length
      await expect.poll(() => receiver.ids.size, { timeout: 60_000 }).toBe(webhooks)
      await expect.poll(() => cluster.count('pgboss.job'), { timeout: 30_000 }).toBe(0)
      await expect.poll(() => cluster.count('headgate.uploads'), { timeout: 90_000, interval: 500 }).toBe(0)
      expect([...seen]).toEqual([])
    },
  )
})
