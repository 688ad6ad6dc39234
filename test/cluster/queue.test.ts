import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { PLAIN } from '../../src/http/routes/submit/read-submission.ts'
import { defineTask } from '../../src/index.ts'
import { openDatabase } from '../support/cluster.ts'
import { startServer, type ServerGiven } from '../support/server.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'

const programs = postgresPrograms()
/** Rounds of the bound; `npm run test:cluster-kill` makes it 30. */
const ROUNDS = Number(process.env['CLUSTER_ROUNDS'] ?? 3)

const echo = defineTask({ type: 'echo', input: z.object({ n: z.number() }), run: ({ n }) => ({ n }) })
const stepping = defineTask({
  type: 'stepping',
  input: z.object({}),
  run: (_input, { step }) => step('first', () => 1),
})
const held = defineTask({
  type: 'held',
  input: z.object({}),
  run: async (_input, { signal, progress }) => {
    progress(10, 'begun')
    await new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error)),
    )
  },
})

describe.skipIf(programs === undefined)('one queue over several processes', () => {
  const postgres = usePostgres(programs)
  const start = (databaseUrl: string, role: 'serve' | 'web' | 'worker', given: ServerGiven = {}) =>
    startServer({
      tasks: [echo, held, stepping],
      ...given,
      settings: {
        databaseUrl,
        role,
        workerName: `${role} ${Math.random()}`,
        builtins: [],
        ...given.settings,
      },
    })

  test('what one web process takes another process runs, and any web process shows', async () => {
    const url = await postgres.newDatabase()
    const [one, two] = [await start(url, 'web'), await start(url, 'web')]
    await start(url, 'worker')
    const { status, body } = await one.post('/echo', { n: 7 })
    expect(status).toBe(202)
    const { body: task } = await two.get(`/api/tasks/${body['task_id']}?wait=10`)
    expect(task).toMatchObject({ status: 'completed', result: { n: 7 } })
    const stepped = (await one.post('/stepping', {})).body['task_id'] as string
    const { body: done } = await two.get(`/api/tasks/${stepped}?wait=10`)
    expect(done).toMatchObject({ status: 'completed', result: 1 })
    // The steps of a task go with its end.
    expect(await openDatabase(url).query('SELECT * FROM headgate.steps')).toEqual([])
  })

  test('a place beyond the first 1000 is estimated, and says so', { timeout: 60_000 }, async () => {
    const url = await postgres.newDatabase()
    const settings = { capacity: 2000, ratePerMinute: 0, addressRatePerMinute: 0 }
    const web = await start(url, 'web', { settings })
    const ids: string[] = []
    for (let n = 0; n < 1400; n += 100) {
      const group = await Promise.all(Array.from({ length: 100 }, () => web.post('/echo', { n })))
      ids.push(...group.map(({ body }) => body['task_id'] as string))
    }
    const read = async (index: number) => (await web.get(`/api/tasks/${ids[index]}`)).body
    const near = await read(50)
    expect(near['position_is_estimate']).toBe(undefined)
    expect(Math.abs((near['queue_position'] as number) - 51)).toBeLessThan(100)
    const far = await read(1399)
    expect(far).toMatchObject({ status: 'queued', position_is_estimate: true })
    expect(far['queue_position']).toBeGreaterThan(1250)
    expect(far['queue_position']).toBeLessThanOrEqual(1401)

    // One that is moved goes behind all of its level: with a head start of levels that is an estimate.
    const ahead = await start(url, 'web', { settings: { ...settings, headStartMs: 60_000 } })
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'PATCH', headers, body: '{"priority":"LOW"}' }
    expect((await fetch(`${ahead.url}/api/tasks/${ids[1300]}`, init)).status).toBe(200)
    const [moved] = await openDatabase(url).query<{ body: { isEstimate?: true } }>(
      'SELECT body::json AS body FROM headgate.events WHERE task_id = $1 ORDER BY seq DESC LIMIT 1',
      [ids[1300] ?? ''],
    )
    expect(moved?.body.isEstimate).toBe(true)
  })

  test('a task that runs elsewhere is watched and cancelled from any web process', async () => {
    const url = await postgres.newDatabase()
    const [one, two] = [await start(url, 'web'), await start(url, 'web')]
    await start(url, 'worker')
    const id = (await one.post('/held', {})).body['task_id'] as string
    const read = async () => (await two.get(`/api/tasks/${id}`)).body
    await expect.poll(read).toMatchObject({ status: 'running', progress: 10 })
    const events = fetch(`${one.url}/api/tasks/${id}/stream`).then((response) => response.text())
    expect((await two.post(`/api/tasks/${id}/cancel`, {})).status).toBeLessThan(300)
    const text = await events
    const numbers = [...text.matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number))
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(text).toContain('"cancelled"')
    expect(await read()).toMatchObject({ status: 'cancelled' })
  })

  test('the bound is exact over two web processes', async () => {
    const url = await postgres.newDatabase()
    const settings = { capacity: 100, ratePerMinute: 0, addressRatePerMinute: 0 }
    const webs = [await start(url, 'web', { settings }), await start(url, 'web', { settings })] as const
    for (let round = 0; round < ROUNDS; round += 1) {
      const replies = await Promise.all(
        Array.from({ length: 1000 }, (_, n) => (webs[n % 2] ?? webs[0]).post('/echo', { n })),
      )
      const taken = replies.filter(({ status }) => status === 202)
      expect([taken.length, replies.filter(({ status }) => status === 503).length]).toEqual([100, 900])
      const filter = { filter: { status: ['queued'] }, op: 'cancel' }
      // What could not be written while the database is busy is refused, and done when it is asked for again.
      let done = 0
      const cancelRest = async () => (done += (await webs[1].post('/api/tasks/bulk', filter)).body['done'])
      await expect.poll(cancelRest, { timeout: 60_000 }).toBe(100)
    }
    const { body } = await webs[0].get('/api/queue/stats')
    expect(body).toMatchObject({ queue_size: 0, total_cancelled: ROUNDS * 100, total_rejected: ROUNDS * 900 })
  })

  test('one key over two web processes is one task; equal work joins', async () => {
    const url = await postgres.newDatabase()
    const settings = { capacity: 10_000, ratePerMinute: 0, addressRatePerMinute: 0 }
    const webs = [await start(url, 'web', { settings }), await start(url, 'web', { settings })] as const
    const post = (n: number, headers: Record<string, string>) =>
      (webs[n % 2] ?? webs[0]).post('/echo', { n: 1 }, headers)
    const replies = await Promise.all(
      Array.from({ length: 1000 }, (_, n) => post(n, { 'idempotency-key': 'the one' })),
    )
    expect(new Set(replies.map(({ body }) => body['task_id'])).size).toBe(1)
    expect(replies.filter(({ status }) => status >= 300)).toEqual([])
    const asked = { type: 'echo', input: { n: 5 }, dedupe: true }
    const joined = await Promise.all(
      Array.from({ length: 50 }, (_, n) => (webs[n % 2] ?? webs[0]).post('/api/tasks', asked)),
    )
    expect(new Set(joined.map(({ body }) => body['task_id'])).size).toBe(1)
    const { body } = await webs[0].get(`/api/tasks/${joined[0]?.body['task_id']}`)
    expect(body['waiters']).toBe(50)
  })

  test('a key is of one caller, whatever spaces there are in names and keys', async () => {
    const { core } = await start(await postgres.newDatabase(), 'web')
    const bare = { ...PLAIN, type: 'echo', input: { n: 1 }, priority: 1 } as const
    const replies = await Promise.all([
      core.admission.submit({ ...bare, caller: 'b x', key: 'a' }),
      core.admission.submit({ ...bare, caller: 'x', key: 'a b' }),
    ])
    expect(replies.map(({ kind }) => kind)).toEqual(['accepted', 'accepted'])
  })

  test('one worker starts the most urgent first, and of one level the first', async () => {
    const url = await postgres.newDatabase()
    const settings = { capacity: 10_000, ratePerMinute: 0, addressRatePerMinute: 0, slots: 1 }
    const web = await start(url, 'web', { settings })
    const wanted: { readonly id: string; readonly priority: number }[] = []
    for (let n = 0; n < 200; n += 1) {
      const priority = (n * 7) % 4
      const { body } = await web.post(`/echo?priority=${priority}`, { n })
      wanted.push({ id: body['task_id'] as string, priority })
    }
    await start(url, 'worker', { settings })
    const database = openDatabase(url)
    const startedInOrder = async () =>
      (
        await database.query<{ task_id: string }>(
          `SELECT task_id FROM headgate.events WHERE type = 'started' ORDER BY xmin::text::bigint`,
        )
      ).map((row) => row.task_id)
    await expect.poll(async () => (await startedInOrder()).length, { timeout: 60_000 }).toBe(200)
    const sorted = wanted.toSorted((a, b) => b.priority - a.priority || (a.id < b.id ? -1 : 1))
    expect(await startedInOrder()).toEqual(sorted.map(({ id }) => id))
  })

  test('the limits of a type and of a caller hold over all workers', async () => {
    const url = await postgres.newDatabase()
    const running = new Set<string>()
    const two = Promise.withResolvers<void>()
    let most = 0
    const limited = defineTask({
      type: 'limited',
      concurrency: 2,
      input: z.object({}),
      run: async (_input, { taskId }) => {
        running.add(taskId)
        most = Math.max(most, running.size)
        if (running.size === 2) two.resolve()
        // The first one stays until another has come, however busy the machine is.
        await two.promise
        await new Promise((resolve) => setTimeout(resolve, 30))
        running.delete(taskId)
      },
    })
    const given = { tasks: [limited], settings: { capacity: 1000, ratePerMinute: 0, slots: 4 } }
    const web = await start(url, 'web', given)
    for (const _ of [1, 2, 3]) await start(url, 'worker', given)
    const ids = await Promise.all(
      Array.from({ length: 12 }, async () => (await web.post('/limited', {})).body['task_id'] as string),
    )
    for (const id of ids) expect(await web.ended(id)).toMatchObject({ status: 'completed' })
    expect(most).toBe(2)
  })

  test('what an operator pauses in one process stands still in all, within a second', async () => {
    const url = await postgres.newDatabase()
    const [one, two] = [await start(url, 'web'), await start(url, 'web')]
    await start(url, 'worker')
    await one.post('/api/queue/pause', { scope: 'processing' })
    await expect.poll(async () => (await two.get('/api/queue/stats')).body['holds']).toEqual(['processing'])
    const id = (await two.post('/echo', { n: 1 })).body['task_id'] as string
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect((await one.get(`/api/tasks/${id}`)).body['status']).toBe('queued')
    await two.post('/api/queue/resume', { scope: 'processing' })
    expect(await one.ended(id)).toMatchObject({ status: 'completed' })
  })

  test('two processes of one name: the second does not start', async () => {
    const url = await postgres.newDatabase()
    const settings = { workerName: 'the one' }
    await start(url, 'worker', { settings })
    await expect(start(url, 'worker', { settings })).rejects.toMatchObject({ code: 'journal-in-use' })
  })

  test('an operator sees the processes, and those that have stopped are gone', async () => {
    const url = await postgres.newDatabase()
    const web = await start(url, 'web', { settings: { workerName: 'the web' } })
    const worker = await start(url, 'worker', { settings: { workerName: 'the worker', slots: 5 } })
    await web.post('/held', {})
    const read = async () => (await web.get('/api/queue/workers')).body['workers'] as { name: string }[]
    await expect.poll(read).toMatchObject([
      { name: 'the web', role: 'web', slots: 0, busy: 0 },
      { name: 'the worker', role: 'worker', slots: 5, busy: 1, stuck: 0 },
    ])
    await worker.stop()
    await expect.poll(async () => (await read()).map(({ name }) => name)).toEqual(['the web'])
  })

  test('health and the page do not wait for the database', async () => {
    const { core, get } = await start(await postgres.newDatabase(), 'web')
    Object.assign(core.pool, { freshen: () => new Promise(() => undefined) })
    for (const path of ['/health/live', '/health/ready', '/api/health', '/ui/', '/openapi.json'])
      expect((await get(path)).status, path).toBe(200)
  })

  test('each webhook is sent once, by one process of all, which is notified of the end', async () => {
    const heard: string[] = []
    const receiver = createServer((request, response) => {
      heard.push(String(request.headers['webhook-id']))
      request.resume().on('end', () => response.end())
    }).listen(0, '127.0.0.1')
    await once(receiver, 'listening')
    onTestFinished(() => void receiver.close())
    const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`
    const url = await postgres.newDatabase()
    const webhookSecret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
    const given = { settings: { fetchAllowHosts: [host], webhookSecret } }
    const web = await start(url, 'web', given)
    for (const role of ['web', 'worker', 'worker'] as const) await start(url, role, given)
    const hints = await listen(url)
    const submit = (n: number) =>
      web.post('/api/tasks', {
        type: 'echo',
        input: { n },
        webhook: { url: `http://${host}/` },
        dedupe: true,
      })
    const ids = (await Promise.all([1, 2, 3, 4, 5].map(submit))).map(({ body }) => body['task_id'] as string)
    await expect
      .poll(() => heard.toSorted((a, b) => (a < b ? -1 : 1)), { timeout: 60_000 })
      .toEqual(ids.map((id) => `msg_${id}`).toSorted((a, b) => (a < b ? -1 : 1)))
    // The process that sends webhooks is notified when one is due; it does not wait for the next poll.
    await expect.poll(() => hints.filter((kind) => kind === 'webhooks').length).toBeGreaterThan(0)
    const before = hints.length
    // The same work again has its result, and its webhook, at once.
    expect((await submit(1)).body['status']).toBe('exists')
    await expect.poll(() => heard.length, { timeout: 60_000 }).toBe(6)
    expect(hints.slice(before)).toContain('webhooks')
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(heard).toHaveLength(6)
  })
})

/** Kinds of the hints that processes send from now on. */
async function listen(url: string): Promise<readonly string[]> {
  const kinds: string[] = []
  const client = new Client(url)
  onTestFinished(() => client.end())
  client.on('notification', ({ payload = '' }) => kinds.push((JSON.parse(payload) as { kind: string }).kind))
  await client.connect()
  await client.query('LISTEN headgate')
  return kinds
}
