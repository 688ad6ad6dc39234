import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openDatabase } from '../support/cluster.ts'
import { ROOT, startProcess } from '../support/process.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { clientOf } from '../support/server.ts'

const programs = postgresPrograms()
const TASKS_FILE = join(ROOT, 'test/cluster/tasks.ts')

describe.skipIf(programs === undefined)('faults of a cluster', () => {
  const postgres = usePostgres(programs)
  const start = (url: string, role: 'web' | 'worker', more: Record<string, string> = {}) =>
    startProcess({
      DATABASE_URL: url,
      ROLE: role,
      TASKS_FILE,
      BUILTIN_TASKS: 'none',
      STOP_WAIT_SECONDS: '0',
      ANALYSIS_QUEUE_MAX_SIZE: '10000',
      RATE_LIMIT_PER_MINUTE: '0',
      ...more,
    })
  const begun = async (client: ReturnType<typeof clientOf>, id: string) =>
    expect
      .poll(async () => (await client.get(`/api/tasks/${id}`)).body['progress'], { timeout: 20_000 })
      .toBeGreaterThan(0)

  test('a worker that was killed and started again takes its task back at once, with its steps', async () => {
    const url = await postgres.newDatabase()
    const web = clientOf((await start(url, 'web')).url)
    const worker = await start(url, 'worker', { WORKER_NAME: 'one' })
    const id = (await web.post('/slow', { ms: 3000 })).body['task_id'] as string
    await begun(web, id)
    await worker.end('SIGKILL')
    await start(url, 'worker', { WORKER_NAME: 'one' })
    const restartedAt = performance.now()
    await expect
      .poll(async () => (await web.get(`/api/tasks/${id}`)).body['interruptions'], {
        timeout: 20_000,
        interval: 50,
      })
      .toBe(1)
    // A second on a quiet machine; other processes start beside it here.
    expect(performance.now() - restartedAt).toBeLessThan(5000)
    const task = await web.ended(id)
    expect(task).toMatchObject({ status: 'completed', attempt: 1, interruptions: 1 })
    expect(task['result'].first).not.toBe(task['result'].last)
  })

  test('the tasks of a machine that has vanished, or stands still, are taken over; its late outcome is refused', async () => {
    const url = await postgres.newDatabase()
    const web = clientOf((await start(url, 'web')).url)
    const frozen = await start(url, 'worker', { WORKER_NAME: 'one' })
    const id = (await web.post('/slow', { ms: 2000 })).body['task_id'] as string
    await begun(web, id)
    process.kill(frozen.child.pid ?? 0, 'SIGSTOP')
    const stoppedAt = performance.now()
    await start(url, 'worker', { WORKER_NAME: 'two' })
    await expect
      .poll(async () => (await web.get(`/api/tasks/${id}`)).body['interruptions'], {
        timeout: 60_000,
        interval: 100,
      })
      .toBe(1)
    expect(performance.now() - stoppedAt).toBeLessThan(30_000)
    process.kill(frozen.child.pid ?? 0, 'SIGCONT')
    expect(await web.ended(id)).toMatchObject({ status: 'completed', interruptions: 1 })
    const events = await openDatabase(url).query<{ type: string; seq: number }>(
      'SELECT type, seq FROM headgate.events WHERE task_id = $1 ORDER BY seq',
      [id],
    )
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
    expect(events.filter(({ type }) => type === 'result' || type === 'error')).toHaveLength(1)
    expect(events.filter(({ type }) => type === 'started')).toHaveLength(2)
  })

  test('while PostgreSQL is away submits are answered 503; handlers go on, and streams come to their end', async () => {
    const url = await postgres.newDatabase()
    const { url: address } = await start(url, 'web')
    const web = clientOf(address)
    await start(url, 'worker', { WORKER_NAME: 'one' })
    const id = (await web.post('/slow', { ms: 3000 })).body['task_id'] as string
    const stepping = (await web.post('/stepping', {})).body['task_id'] as string
    await begun(web, id)
    const stream = fetch(`${address}/api/tasks/${id}/stream`).then((response) => response.text())
    await new Promise((resolve) => setTimeout(resolve, 300))
    await postgres.server.crash()
    const askedAt = performance.now()
    const refused = await web.post('/echo', { n: 1 })
    expect([refused.status, refused.body['error_type']]).toEqual([503, 'journal_unavailable'])
    expect(performance.now() - askedAt).toBeLessThan(3000)
    // Well below the time after which a worker stops its runs, also on a busy machine.
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await postgres.server.start()
    const numbers = [...(await stream).matchAll(/^id: (\d+)$/gm)].map(([, number]) => Number(number))
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(await web.ended(id)).toMatchObject({ status: 'completed', interruptions: 0 })
    // Its steps have waited for the database.
    expect(await web.ended(stepping)).toMatchObject({
      status: 'completed',
      attempt: 1,
      interruptions: 0,
      result: { sum: 435 },
    })
    await expect.poll(async () => (await web.post('/echo', { n: 2 })).status, { timeout: 15_000 }).toBe(202)
  })

  test('a process that starts before PostgreSQL waits for it; a wrong name of the database ends it with one line', async () => {
    const url = await postgres.newDatabase()
    await postgres.server.crash()
    const starting = start(url, 'web')
    await new Promise((resolve) => setTimeout(resolve, 2000))
    await postgres.server.start()
    const web = clientOf((await starting).url)
    expect((await web.get('/health/ready')).status).toBe(200)
    const wrong = await start(url.replace(/[^/]*$/, 'nowhere'), 'web')
    expect(await wrong.exited).toBe(69)
    expect(wrong.stderr()).toMatch(/^headgate: .*nowhere.*\n$/)
  })
})
