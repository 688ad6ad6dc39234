import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask, type TaskType } from '../../src/index.ts'
import { parseLimits } from '../../src/resource/parse-limits.ts'
import { openDatabase } from '../support/cluster.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { ROOT, startProcess } from '../support/process.ts'
import { clientOf, startServer } from '../support/server.ts'

const programs = postgresPrograms()
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** A provider that counts its calls, and refuses those over its own limit. */
function createProvider(limit = Infinity) {
  const provider = { inFlight: 0, most: 0, calls: 0, refused: 0, callMs: 50, at: [] as number[] }
  const call = async () => {
    provider.calls += 1
    provider.at.push(performance.now())
    if (provider.inFlight >= limit) {
      provider.refused += 1
      throw Object.assign(new Error('too many at once'), { code: 'too_many_concurrent', status: 429 })
    }
    provider.inFlight += 1
    provider.most = Math.max(provider.most, provider.inFlight)
    await sleep(provider.callMs)
    provider.inFlight -= 1
  }
  return Object.assign(provider, { call })
}

describe.skipIf(programs === undefined)('a resource over several processes', () => {
  const postgres = usePostgres(programs)
  const start = async (tasks: readonly TaskType[], limits: string, { workers = 4, slots = 8 } = {}) => {
    const url = await postgres.newDatabase()
    const settings = {
      databaseUrl: url,
      builtins: [],
      slots,
      capacity: 10_000,
      ratePerMinute: 0,
      addressRatePerMinute: 0,
      resources: new Map([['llm', parseLimits(limits) as object]]),
    }
    const run = (role: 'web' | 'worker', n = 0) =>
      startServer({ tasks, settings: { ...settings, role, workerName: `${role} ${n}` } })
    const web = await run('web')
    const servers = [web]
    for (let n = 0; n < workers; n += 1) servers.push(await run('worker', n))
    const submit = async (n: number) => (await web.post('/call', { n })).body['task_id'] as string
    return { url, web, servers, submit, database: openDatabase(url) }
  }
  const callOf = (provider: ReturnType<typeof createProvider>) =>
    defineTask({
      type: 'call',
      input: z.object({ n: z.number() }),
      run: (_input, { resource }) => resource('llm', {}, () => provider.call()),
    })
  const inUse = async (server: Awaited<ReturnType<typeof startServer>>) =>
    (await server.get('/api/queue/stats')).body['resources'][0].in_use as number

  test('never more calls at once than its limit, and all are made', async () => {
    const provider = createProvider()
    const { web, submit } = await start([callOf(provider)], 'concurrency=3')
    const ids = await Promise.all(Array.from({ length: 60 }, (_, n) => submit(n)))
    for (const id of ids) expect(await web.ended(id)).toMatchObject({ status: 'completed' })
    expect([provider.most, provider.calls]).toEqual([3, 60])
    await expect.poll(() => inUse(web)).toBe(0)
  })

  test('what a minute allows is never exceeded, and allowed again after a minute', async () => {
    const provider = createProvider()
    const { submit, database } = await start([callOf(provider)], 'rpm=20')
    for (let n = 0; n < 70; n += 1) await submit(n)
    await expect.poll(() => provider.calls, { timeout: 10_000 }).toBe(20)
    await sleep(3000)
    expect(provider.calls).toBe(20)
    // As if a minute had passed: what was drawn is that much older.
    for (const calls of [40, 60]) {
      await database.query(
        `UPDATE headgate.accounts SET state = jsonb_set(state::jsonb, '{at}', to_jsonb((state::jsonb->>'at')::bigint - 60000))::text`,
      )
      await expect.poll(() => provider.calls, { timeout: 15_000 }).toBe(calls)
      await sleep(1500)
      expect(provider.calls).toBe(calls)
    }
  })

  test('the limit that a provider has is found for all processes together', async () => {
    const provider = createProvider(6)
    const { web, submit } = await start([callOf(provider)], 'concurrency=1-20')
    const read = async () => (await web.get('/api/queue/stats')).body['resources'][0].limit as number
    // On a busy machine a call may be sent long after its turn, and be refused at a level that is not: it is tried again later.
    for (let round = 0; round < 4 && Math.abs((await read()) - 6) > 1; round += 1) {
      const ids = await Promise.all(Array.from({ length: 800 }, (_, n) => submit(n)))
      for (const id of ids) expect(await web.ended(id)).toMatchObject({ status: 'completed' })
    }
    const limit = await read()
    expect(limit).toBeGreaterThanOrEqual(5)
    expect(limit).toBeLessThanOrEqual(7)
    expect(provider.refused / provider.calls).toBeLessThan(0.025)
  })

  test('room goes to the most urgent call of all processes, then to the oldest', async () => {
    const provider = createProvider()
    const first = Promise.withResolvers<void>()
    const [asked, order]: [number[], number[]] = [[], []]
    const call = defineTask({
      type: 'call',
      input: z.object({ n: z.number() }),
      run: ({ n }, { resource }) => {
        asked.push(n)
        return resource('llm', {}, () => {
          order.push(n)
          return n === 0 ? first.promise : provider.call()
        })
      },
    })
    const { web, submit } = await start([call], 'concurrency=1', { workers: 3, slots: 2 })
    await submit(0)
    await expect.poll(() => order).toEqual([0])
    for (const [n, priority] of [
      [1, 0],
      [2, 1],
      [3, 3],
    ] as const) {
      await web.post(`/call?priority=${priority}`, { n })
      await expect.poll(() => asked).toContain(n)
      // The call of one is to be in the database before the next one asks.
      await sleep(200)
    }
    first.resolve()
    await expect.poll(() => order, { timeout: 15_000 }).toEqual([0, 3, 2, 1])
  })

  test('while the database is away no call begins, and afterwards all are made', async () => {
    const provider = createProvider()
    const { web, submit } = await start([callOf(provider)], 'concurrency=3', { workers: 2 })
    provider.callMs = 300
    const ids = await Promise.all(Array.from({ length: 40 }, (_, n) => submit(n)))
    await expect.poll(() => provider.calls).toBeGreaterThan(6)
    await postgres.server.crash()
    const before = provider.calls
    await sleep(1500)
    expect(provider.calls).toBe(before)
    await postgres.server.start()
    for (const id of ids) expect(await web.ended(id)).toMatchObject({ status: 'completed' })
    expect(provider.most).toBe(3)
    await expect.poll(() => inUse(web)).toBe(0)
  })

  test.each(['restarted', 'gone'])('what a killed worker held is given back when it is %s', async (how) => {
    const url = await postgres.newDatabase()
    const begin = (role: 'web' | 'worker', name: string) =>
      startProcess({
        DATABASE_URL: url,
        ROLE: role,
        WORKER_NAME: name,
        TASKS_FILE: join(ROOT, 'test/cluster/tasks.ts'),
        BUILTIN_TASKS: 'none',
        STOP_WAIT_SECONDS: '0',
        RATE_LIMIT_PER_MINUTE: '0',
      })
    const web = clientOf((await begin('web', 'web')).url)
    const hold = async (ms: number) => (await web.post('/hold', { ms })).body['task_id'] as string
    const progressOf = async (id: string) => (await web.get(`/api/tasks/${id}`)).body['progress'] as number
    const read = async () => {
      const { body } = await web.get('/api/queue/stats')
      return (body['resources'] as { name: string; in_use: number }[]).find(({ name }) => name === 'unit')
    }
    const killed = await begin('worker', 'one')
    const first = [await hold(20_000), await hold(20_000)]
    for (const id of first) await expect.poll(() => progressOf(id), { timeout: 20_000 }).toBe(10)
    await expect.poll(read).toMatchObject({ limit: 2, in_use: 2 })
    await begin('worker', 'two')
    const next = await hold(100)
    await sleep(1500)
    expect(await progressOf(next)).not.toBe(10)
    await killed.end('SIGKILL')
    const killedAt = performance.now()
    for (const id of first) await web.post(`/api/tasks/${id}/cancel`)
    if (how === 'restarted') await begin('worker', 'one')
    expect(await web.ended(next)).toMatchObject({ status: 'completed' })
    await expect.poll(async () => (await read())?.in_use, { timeout: 20_000 }).toBe(0)
    expect(performance.now() - killedAt).toBeLessThan(how === 'restarted' ? 10_000 : 25_000)
  })
})
