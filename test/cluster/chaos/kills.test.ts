import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { postgresPrograms, usePostgres } from '../../support/postgres.ts'
import { seededRandom } from '../../support/random.ts'
import { findViolations, startAudit, watchSnapshots } from './checks.ts'
import { submit, type Promised } from './clients.ts'
import { createCluster } from './processes.ts'

const programs = postgresPrograms()
/** Kills of workers; `npm run test:cluster-kill` makes it 1000. */
const KILLS = Number(process.env['CLUSTER_KILLS'] ?? 0)
/** When it is set, the test ends after this time, and checks what it has. */
const MINUTES = Number(process.env['CLUSTER_KILL_MINUTES'] ?? Infinity)
const WORKERS = ['one', 'two', 'three', 'four']
const KINDS = ['nap', 'slow', 'hold', 'flaky', 'nap']
/** Tasks that wait or run at any time. */
const BACKLOG = 40
/** A worker lives for this long after its start, ms. */
const LIFE_MS = { min: 300, more: 900 }

describe.skipIf(programs === undefined || KILLS === 0)('workers that are killed again and again', () => {
  const postgres = usePostgres(programs)

  test('nothing is lost and nothing ends twice', { timeout: 120_000 + KILLS * 15_000 }, async () => {
    const { start, db, unfinished, count } = await createCluster(postgres)
    const web = await start('web', 'web')
    await startAudit(db)
    const seen = watchSnapshots(db, 250)
    const random = seededRandom(5)
    const startedAt = performance.now()
    let [kills, shown] = [0, 0]
    const continues = () => kills < KILLS && seconds() < MINUTES * 60

    const killAgainAndAgain = async (name: string) => {
      let worker = await start('worker', name)
      while (continues()) {
        await setTimeout(LIFE_MS.min + random() * LIFE_MS.more)
        kills += 1
        await worker.end('SIGKILL')
        worker = await start('worker', name)
        if (kills >= shown + 100)
          console.log(`${(shown = kills)} kills in ${seconds()} s, ${promised.size} tasks`)
      }
    }
    const seconds = () => Math.round((performance.now() - startedAt) / 1000)
    const promised = new Map<string, Promised>()
    const killing = Promise.all(WORKERS.map((name) => killAgainAndAgain(name)))
    while (continues()) {
      for (let left = BACKLOG - (await unfinished()); left > 0; left -= 1) {
        const n = promised.size
        const kind = KINDS[n % KINDS.length] ?? ''
        promised.set(await submit({ kind, n, host: '' }, () => web.url), { n, kind, isCancelled: false })
      }
      await setTimeout(50)
    }
    await killing
    await expect.poll(unfinished, { timeout: 120_000 }).toBe(0)
    const again = (await count('audit.runs')) - (await count('headgate.tasks'))
    const loops = await count(`headgate.tasks WHERE error_type = 'crash_loop'`)
    console.log(
      `${kills} kills in ${seconds()} s: ${promised.size} tasks, ${again} runs more, ${loops} crash loops`,
    )
    if (MINUTES === Infinity) expect(kills).toBeGreaterThanOrEqual(KILLS)
    expect(await findViolations(db, promised)).toEqual([])
    await expect.poll(() => count('pgboss.job'), { timeout: 30_000 }).toBe(0)
    expect([...seen]).toEqual([])
  })
})
