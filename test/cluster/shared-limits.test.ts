import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask, type TaskType } from '../../src/index.ts'
import { parseLimits } from '../../src/resource/parse-limits.ts'
import { openDatabase } from '../support/cluster.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { clientOf, startServer } from '../support/server.ts'
import { startAudit, watchSnapshots } from './chaos/checks.ts'
import { createCluster } from './chaos/processes.ts'

const programs = postgresPrograms()
const WORKERS = 3

describe.skipIf(programs === undefined)('limits that all processes share', () => {
  const postgres = usePostgres(programs)
  const start = async (task: TaskType, limits: string, keys: Record<string, string> = {}) => {
    const url = await postgres.newDatabase()
    const settings = {
      databaseUrl: url,
      builtins: [],
      slots: 8,
      capacity: 10_000,
      ratePerMinute: 0,
      addressRatePerMinute: 0,
      resources: new Map([['llm', parseLimits(limits) as object]]),
      resourceKeys: new Map([['llm', Object.entries(keys).map(([key, project]) => ({ project, key }))]]),
    }
    const run = (role: 'web' | 'worker', n = 0) =>
      startServer({ tasks: [task], settings: { ...settings, role, workerName: `${role} ${n}` } })
    const web = await run('web')
    for (let n = 0; n < WORKERS; n += 1) await run('worker', n)
    return { web, db: openDatabase(url) }
  }

  test('tokens of a minute are counted over all workers, and what a call really took', async () => {
    const calls: number[] = []
    const call = defineTask({
      type: 'call',
      input: z.object({ n: z.number() }),
      run: ({ n }, { resource }) =>
        resource('llm', { tokens: 300 }, async ({ used }) => {
          calls.push(n)
          await setTimeout(20)
          // Less than was asked for: what is left is for others.
          used(100)
        }),
    })
    const { web, db } = await start(call, 'tpm=2000')
    for (let n = 0; n < 60; n += 1) await web.post('/call', { n })
    // 18 calls have taken 1800, and no other one fits with the 300 that it asks for.
    await expect.poll(() => calls.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(18)
    await setTimeout(2500)
    expect(calls).toHaveLength(18)
    await db.query(
      `UPDATE headgate.accounts SET state = jsonb_set(state::jsonb, '{at}', to_jsonb((state::jsonb->>'at')::bigint - 60000))::text`,
    )
    await expect.poll(() => calls.length, { timeout: 30_000 }).toBe(36)
  })

  test('keys of two projects have their limits each, over all workers', async () => {
    const inFlight = new Map<string, number>()
    const most = new Map<string, number>()
    const used = new Set<string>()
    const call = defineTask({
      type: 'call',
      input: z.object({ n: z.number() }),
      run: (_input, { resource }) =>
        resource('llm', {}, async ({ key }) => {
          const project = key?.slice(0, 1) ?? ''
          used.add(key ?? '')
          inFlight.set(project, (inFlight.get(project) ?? 0) + 1)
          most.set(project, Math.max(most.get(project) ?? 0, inFlight.get(project) ?? 0))
          await setTimeout(60)
          inFlight.set(project, (inFlight.get(project) ?? 0) - 1)
        }),
    })
    const { web } = await start(call, 'concurrency=2', { a1: 'a', a2: 'a', b1: 'b' })
    const ids: string[] = []
    for (let n = 0; n < 60; n += 1) ids.push((await web.post('/call', { n })).body['task_id'] as string)
    for (const id of ids) expect(await web.ended(id)).toMatchObject({ status: 'completed' })
    expect([...most.keys()].toSorted()).toEqual(['a', 'b'])
    expect(Math.max(...most.values())).toBe(2)
    expect([...used].toSorted()).toEqual(['a1', 'a2', 'b1'])
    expect((await web.get('/api/queue/stats')).body['resources'][0]).toMatchObject({ limit: 4 })
  })

  test('without any hint calls that wait are made, by one worker after the other', async () => {
    const cluster = await createCluster(postgres)
    const web = clientOf((await cluster.start('web', 'web')).url)
    for (const name of ['one', 'two']) await cluster.start('worker', name)
    await cluster.loseHints()
    await startAudit(cluster.db)
    const seen = watchSnapshots(cluster.db)
    for (let n = 0; n < 12; n += 1) await web.post('/hold', { ms: 300, n })
    await expect.poll(cluster.unfinished, { timeout: 60_000 }).toBe(0)
    const workers = await cluster.count('(SELECT DISTINCT member FROM audit.runs) AS members')
    expect([workers, [...seen]]).toEqual([2, []])
  })

  test('a worker that stands still inside a call: its units are free once, and never above the limit', async () => {
    const cluster = await createCluster(postgres)
    const web = clientOf((await cluster.start('web', 'web')).url)
    const frozen = await cluster.start('worker', 'one')
    await startAudit(cluster.db)
    const seen = watchSnapshots(cluster.db, 20)
    const hold = async (ms: number) => (await web.post('/hold', { ms })).body['task_id'] as string
    const progressOf = async (id: string) => (await web.get(`/api/tasks/${id}`)).body['progress'] as number
    const inUse = async () => (await web.get('/api/queue/stats')).body['resources'][0].in_use as number
    const first = [await hold(3000), await hold(3000)]
    for (const id of first) await expect.poll(() => progressOf(id), { timeout: 20_000 }).toBe(10)
    const full = `headgate.accounts WHERE resource = 'unit' AND json_array_length(state::json->'held') = 2`
    expect(await cluster.count(full)).toBe(1)
    process.kill(frozen.child.pid ?? 0, 'SIGSTOP')
    await cluster.start('worker', 'two')
    await cluster.lapse('one')
    const begun = () => cluster.count('audit.runs WHERE run > 1')
    await expect.poll(begun, { timeout: 60_000 }).toBe(2)
    process.kill(frozen.child.pid ?? 0, 'SIGCONT')
    // It gives back what it had: nothing is free twice by that.
    const next = [await hold(300), await hold(300), await hold(300)]
    for (const id of [...first, ...next]) expect(await web.ended(id)).toMatchObject({ status: 'completed' })
    await expect.poll(inUse, { timeout: 20_000 }).toBe(0)
    expect([...seen]).toEqual([])
  })
})
