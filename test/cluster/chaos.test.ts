import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { openDatabase } from '../support/cluster.ts'
import { ROOT, startProcess } from '../support/process.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { seededRandom } from '../support/random.ts'
import { clientOf, type Json } from '../support/server.ts'

const programs = postgresPrograms()
/** Submits in all; `npm run test:cluster-kill` makes it 5000. */
const TASKS = Number(process.env['CLUSTER_TASKS'] ?? 150)
const isLong = TASKS > 1000
const WORKERS = ['one', 'two', 'three']
/** Time between two faults. */
const FAULT_EVERY_MS = 1500
/** Longer than a worker may be silent. */
const FROZEN_MS = 14_000
const DOWN_MS = isLong ? 5000 : 1000
const WATCHED = 5

/** What a client knows of one of its tasks: the model that the end is compared with. */
interface Promised {
  readonly n: number
  readonly kind: string
  isCancelled: boolean
}

const KINDS = ['slow', 'flaky', 'digest', 'limited', 'slow', 'webhook', 'slow', 'cancel', 'slow', 'slow']
const textOf = (n: number) => `file ${n} `.repeat(5000)

describe.skipIf(programs === undefined)('a cluster in which everything fails', () => {
  const postgres = usePostgres(programs)

  test(
    'nothing that was accepted is lost, nothing ends twice, and no stream has a gap',
    { timeout: 240_000 + TASKS * 400 },
    async () => {
      const url = await postgres.newDatabase()
      const receiver = await createReceiver()
      const start = (role: 'web' | 'worker', name: string) =>
        startProcess({
          DATABASE_URL: url,
          ROLE: role,
          WORKER_NAME: name,
          TASKS_FILE: join(ROOT, 'test/cluster/tasks.ts'),
          BUILTIN_TASKS: 'none',
          STOP_WAIT_SECONDS: '0',
          UPLOAD_RETENTION_HOURS: '0',
          ANALYSIS_QUEUE_MAX_SIZE: '10000',
          RATE_LIMIT_PER_MINUTE: '0',
          FETCH_ALLOW_HOSTS: receiver.host,
        })
      const steady = await start('web', 'web one')
      let second = await start('web', 'web two')
      const workers = await Promise.all(WORKERS.map((name) => start('worker', name)))
      const random = seededRandom(11)
      const over = new AbortController()

      const faults: Record<string, () => Promise<void>> = {
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
          await setTimeout(FROZEN_MS)
          process.kill(pid, 'SIGCONT')
        },
        database: async () => {
          await postgres.server.crash()
          await setTimeout(DOWN_MS)
          await postgres.server.start()
        },
      }
      const order = ['worker', 'database', 'web', 'worker', 'worker', 'worker', 'frozen']
      const failing = (async () => {
        for (let round = 0; round < 3 || !over.signal.aborted; round += 1) {
          await setTimeout(FAULT_EVERY_MS)
          const name = order[round % order.length] ?? ''
          // It takes long, and one of each is enough there.
          if (name !== 'frozen' || isLong) await faults[name]?.()
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
      const db = openDatabase(url)
      const count = async (sql: string) =>
        db.query<{ count: number }>(sql).then(
          ([row]) => row?.count ?? 0,
          () => Infinity,
        )
      const unfinished = 'SELECT count(*)::integer AS count FROM headgate.tasks WHERE finished_at IS NULL'
      await expect.poll(() => count(unfinished), { timeout: 180_000 + TASKS * 100, interval: 300 }).toBe(0)
      over.abort()
      await failing

      await compare(db, promised)
      for (const numbers of await Promise.all(streams))
        expect(numbers).toEqual(numbers.map((_, index) => index + 1))
      const webhooks = [...promised.values()].filter(({ kind }) => kind === 'webhook').length
      await expect.poll(() => receiver.ids.size, { timeout: 60_000 }).toBe(webhooks)
      await expect
        .poll(() => count('SELECT count(*)::integer AS count FROM pgboss.job'), { timeout: 30_000 })
        .toBe(0)
      await expect
        .poll(() => count('SELECT count(*)::integer AS count FROM headgate.uploads'), {
          timeout: 90_000,
          interval: 500,
        })
        .toBe(0)
    },
  )
})

/** Submits until it is accepted: a reply that was lost is asked for again under the same key. */
async function submit(
  { kind, n, host }: { readonly kind: string; readonly n: number; readonly host: string },
  urlNow: () => string,
): Promise<string> {
  const headers = { 'idempotency-key': `task ${n}` }
  for (;;) {
    const client = clientOf(urlNow(), headers)
    const webhook = { url: `http://${host}/hook`, secret: `whsec_${Buffer.alloc(24, 7).toString('base64')}` }
    const send = () => {
      if (kind === 'digest') return client.upload('/digest', textOf(n), { name: 'file.txt' })
      if (kind === 'flaky' || kind === 'limited') return client.post(`/${kind}`, { n })
      const input = { ms: kind === 'cancel' ? 5000 : 200, n }
      if (kind === 'webhook') return client.post('/api/tasks', { type: 'slow', input, webhook })
      return client.post('/slow', input)
    }
    const reply = await send().catch(() => null)
    if (reply?.status === 202) return String(reply.body['task_id'])
    expect([undefined, 409, 503]).toContain(reply?.status)
    await setTimeout(200)
  }
}

/** Whether a cancel was confirmed: then the task may not complete. */
async function isCancelled(url: string, id: string): Promise<boolean> {
  for (;;) {
    const reply = await clientOf(url)
      .post(`/api/tasks/${id}/cancel`)
      .catch(() => null)
    if (reply !== null && reply.status < 300) return true
    if (reply?.status === 409) return false
    await setTimeout(200)
  }
}

/** The rows, against what clients were answered. */
async function compare(
  db: ReturnType<typeof openDatabase>,
  promised: ReadonlyMap<string, Promised>,
): Promise<void> {
  const rows = await db.query<Json & { id: string; status: string; result: string | null }>(
    `SELECT id, tasks.status, last_seq AS last, count(*)::integer AS events, min(seq) AS first, max(seq) AS highest,
        (count(*) FILTER (WHERE events.type IN ('result', 'error')))::integer AS ends,
        concat_ws(': ', error_type, message) AS error,
        (SELECT result FROM headgate.results WHERE results.id = tasks.id) AS result
      FROM headgate.tasks JOIN headgate.events ON task_id = id
      GROUP BY tasks.id, tasks.status, last_seq, error_type, message`,
  )
  expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(promised.keys()))
  expect(promised.size).toBe(TASKS)
  for (const { id, status, result, ...row } of rows) {
    expect([row['ends'], row['events'], row['first'], row['highest']]).toEqual([
      1,
      row['last'],
      1,
      row['last'],
    ])
    const { kind, n, isCancelled: wasCancelled } = promised.get(id) as Promised
    const expected = wasCancelled ? 'cancelled' : 'completed'
    expect([id, kind, status, status === expected ? '' : row['error']]).toEqual([id, kind, expected, ''])
    const value = JSON.parse(result ?? 'null') as Json | null
    if (wasCancelled) continue
    if (kind === 'digest') {
      expect(value?.['sha256']).toBe(createHash('sha256').update(textOf(n)).digest('hex'))
    } else expect(value?.['n']).toBe(n)
  }
  const counted = await db.query<{ name: string; count: number }>(
    `SELECT name, sum(count)::bigint AS count FROM headgate.counters
      WHERE name NOT IN ('rejected', 'retried') GROUP BY name HAVING sum(count) <> 0`,
  )
  const byStatus = Map.groupBy(rows, ({ status }) => status)
  expect(Object.fromEntries(counted.map(({ name, count }) => [name, count]))).toEqual(
    Object.fromEntries([...byStatus].map(([status, group]) => [status, group.length])),
  )
}

/** Reads a stream to its end, from where it was when it breaks; the numbers of its events. */
async function readNumbers(url: string): Promise<readonly number[]> {
  const numbers: number[] = []
  // More often than a stream can break here.
  for (let tries = 0; tries < 1000; tries += 1) {
    const headers = numbers.length === 0 ? {} : { 'last-event-id': `${numbers.at(-1)}` }
    const text = await fetch(url, { headers }).then(
      (response) => response.text(),
      () => '',
    )
    for (const [, number] of text.matchAll(/^id: (\d+)$/gm)) numbers.push(Number(number))
    if (/"type": ?"(?:result|error)"/.test(text)) return numbers
    await setTimeout(200)
  }
  throw new Error(`${url} has no end`)
}

/** A receiver of webhooks. */
async function createReceiver() {
  const ids = new Set<string>()
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      ids.add(String(request.headers['webhook-id']))
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { ids, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}
