import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { brokenBuild } from '../../support/broken-build.ts'
import { postgresPrograms, usePostgres } from '../../support/postgres.ts'
import { clientOf } from '../../support/server.ts'
import { findViolations, startAudit, watchSnapshots } from './checks.ts'
import type { Promised } from './clients.ts'
import { createCluster } from './processes.ts'

const programs = postgresPrograms()
const isLong = Number(process.env['CLUSTER_TASKS'] ?? 0) > 1000
/** The right build, and one with a promise broken. */
type Main = string | undefined
const broken = async (file: string, right: string, wrong: string) =>
  join(await brokenBuild(`cluster/worker/${file}`, right, wrong), 'src/main.ts')

/** The checks of the chaos at builds with one promise broken: they have to find it, and nothing in the right one. */
describe.skipIf(programs === undefined)('what the checks of the chaos find', () => {
  const postgres = usePostgres(programs)
  const begin = async (main: Main) => {
    const cluster = await createCluster(postgres, main)
    const web = clientOf((await cluster.start('web', 'web')).url)
    await startAudit(cluster.db)
    const promised = new Map<string, Promised>()
    const submit = async (kind: string, ms: number) => {
      const n = promised.size
      const id = (await web.post(`/${kind}`, { ms, n })).body['task_id'] as string
      promised.set(id, { n, kind, isCancelled: false })
      return id
    }
    return { ...cluster, web, promised, submit, violations: () => findViolations(cluster.db, promised) }
  }

  /** A worker stands still while its run comes to its end; another one has begun the next run when it continues. */
  const standStill = async (main: Main) => {
    const { web, start, lapse, submit, violations, unfinished } = await begin(main)
    const interruptions = async (id: string) => (await web.get(`/api/tasks/${id}`)).body['interruptions']
    const frozen = (await start('worker', 'one')).child.pid ?? 0
    const id = await submit('nap', 3000)
    await expect.poll(async () => (await web.get(`/api/tasks/${id}`)).body['progress']).toBe(10)
    process.kill(frozen, 'SIGSTOP')
    await start('worker', 'two')
    await lapse('one')
    await expect.poll(() => interruptions(id), { timeout: 60_000, interval: 50 }).toBe(1)
    process.kill(frozen, 'SIGCONT')
    await expect.poll(unfinished, { timeout: 60_000 }).toBe(0)
    return violations()
  }

  /** A worker is killed where a task that it has run is seen without its ticket, or else at some time. */
  const killAtAnEnd = async (main: Main) => {
    const { db, start, submit, violations, unfinished } = await begin(main)
    const seen = watchSnapshots(db, 10)
    const worker = await start('worker', 'one')
    for (let n = 0; n < 20; n += 1) await submit('nap', 50)
    const until = performance.now() + 5000
    while (seen.size === 0 && performance.now() < until && (await unfinished()) > 0) await setTimeout(5)
    await worker.end('SIGKILL')
    await start('worker', 'one')
    const left = () => unfinished().then((count) => count - 3)
    await expect.poll(left, { timeout: 60_000 }).toBeLessThanOrEqual(0)
    // Those of the last three that can end have ended by then.
    await setTimeout(2500)
    return [...seen, ...(await violations())]
  }

  /** A worker without anything to do, which no hint reaches. */
  const submitWithoutHint = async (main: Main) => {
    const { start, loseHints, submit, violations, unfinished } = await begin(main)
    await start('worker', 'one')
    await setTimeout(1500)
    await loseHints()
    await submit('nap', 1)
    const until = performance.now() + (main === undefined ? 60_000 : 6000)
    while ((await unfinished()) > 0 && performance.now() < until) await setTimeout(50)
    return violations()
  }

  /** The long form compares it with the right build; the short one leaves that to the chaos itself. */
  const compare = async (scenario: (main: Main) => Promise<readonly string[]>, main: string) => {
    const [right, wrong] = await Promise.all([isLong ? scenario(undefined) : [], scenario(main)])
    expect(right).toEqual([])
    return wrong
  }

  test('without the fence: an outcome of a run that is over', async () => {
    const main = await broken('exchange.ts', ' || found.task.run !== each.run.run ||', ' ||')
    const violations = await compare(standStill, main)
    expect(violations).toEqual([expect.stringMatching(/ended by a run that was over$/)])
  })

  test('a ticket that is deleted before the outcome is written: a task that never ends', async () => {
    const main = await broken(
      'exchanger.ts',
      'return await exchangeAtOnce(',
      `await this.#deps.tickets.remove(this.#deps.db, ended.map(({ run }) => run.id))
      if (ended.length > 0) await new Promise((resolve) => setTimeout(resolve, 1000))
      return await exchangeAtOnce(`,
    )
    const violations = await compare(killAtAnEnd, main)
    expect(violations).toContain('an unfinished task has no ticket')
    expect(violations).toContainEqual(expect.stringMatching(/has not ended: running$/))
  })

  test('a hint as the only wake-up: a task that never begins', async () => {
    const main = await broken(
      'cluster-worker.ts',
      'new Ticker(clock, POLL_MS, () => this.lookForWork()),',
      '',
    )
    const violations = await compare(submitWithoutHint, main)
    expect(violations).toEqual([expect.stringMatching(/has not ended: queued$/)])
  })
})
