import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createBlackHole } from '../support/black-hole.ts'
import { openDatabase } from '../support/cluster.ts'
import { ROOT, startProcess } from '../support/process.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { clientOf } from '../support/server.ts'

const programs = postgresPrograms()
/** `npm run test:cluster-kill` makes it 30. */
const SECONDS = Number(process.env['PARTITION_SECONDS'] ?? 14)
const TASKS = 6

describe.skipIf(programs === undefined)('a worker behind a network that swallows everything', () => {
  const postgres = usePostgres(programs)
  const start = (url: string, role: 'web' | 'worker', name: string, slots = 3) =>
    startProcess({
      DATABASE_URL: url,
      ROLE: role,
      WORKER_NAME: name,
      MAX_CONCURRENT_ANALYSIS_TASKS: `${slots}`,
      TASKS_FILE: join(ROOT, 'test/cluster/tasks.ts'),
      BUILTIN_TASKS: 'none',
      STOP_WAIT_SECONDS: '0',
    })

  test(
    'its tasks are run once more by another, and end once',
    { timeout: 90_000 + SECONDS * 2000 },
    async () => {
      const url = await postgres.newDatabase()
      const hole = await createBlackHole(postgres.server.port)
      const behind = new URL(url)
      behind.port = `${hole.port}`
      const web = clientOf((await start(url, 'web', 'web')).url)
      const cut = await start(behind.href, 'worker', 'cut', TASKS)
      const ids: string[] = []
      for (let n = 0; n < TASKS; n += 1) {
        ids.push((await web.post('/slow', { ms: SECONDS * 500, n })).body['task_id'] as string)
      }
      const running = async () => (await web.get('/api/queue/stats')).body['current_processing'] as number
      await expect.poll(running, { timeout: 20_000 }).toBe(TASKS)
      hole.swallow()
      await start(url, 'worker', 'other', TASKS)
      await setTimeout(SECONDS * 1000)
      hole.heal()
      for (const id of ids) {
        const task = await web.ended(id)
        expect(task).toMatchObject({ status: 'completed', interruptions: 1 })
      }
      // What it still has of its own comes too late, and it works again.
      await setTimeout(3000)
      expect(cut.child.exitCode).toBeNull()
      const rows = await openDatabase(url).query<{
        started: number
        ended: number
        events: number
        last: number
      }>(
        `SELECT (count(*) FILTER (WHERE type = 'started'))::integer AS started, count(*)::integer AS events,
          (count(*) FILTER (WHERE type IN ('result', 'error')))::integer AS ended, max(seq) AS last
        FROM headgate.events GROUP BY task_id`,
      )
      expect(rows).toHaveLength(TASKS)
      for (const { started, ended, events, last } of rows) {
        expect([started, ended]).toEqual([2, 1])
        expect(events).toBe(last)
      }
      const again = await web.post('/echo', { n: 1 })
      expect(await web.ended(String(again.body['task_id']))).toMatchObject({ status: 'completed' })
    },
  )
})
