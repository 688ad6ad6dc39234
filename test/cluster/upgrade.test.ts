import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { MIGRATIONS } from '../../src/cluster/database/schema.ts'
import { brokenBuild } from '../support/broken-build.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { findViolations, startAudit, watchSnapshots } from './chaos/checks.ts'
import { KINDS, readNumbers, submit, type Promised } from './chaos/clients.ts'
import { createCluster } from './chaos/processes.ts'

const programs = postgresPrograms()
/** `src/main.ts` of a checkout of an older version, which then is the one that runs before; else this version is. */
const OLDER = process.env['OLDER_MAIN']
/** What a next version could add: a column in each table, of which some are read whole, an index, a table. */
const STEP = ['members', 'counters', 'tasks', 'events', 'keys', 'deliveries', 'uploads', 'accounts', 'notes']
  .map((table) => `ALTER TABLE headgate.${table} ADD COLUMN added text;`)
  .concat(
    'CREATE INDEX added ON headgate.tasks (added);',
    'CREATE TABLE headgate.additions (id text PRIMARY KEY);',
  )
  .join('\n')

/** In the long form alone, `npm run test:cluster-kill`, or with an older version: it starts seven processes. */
const isAsked = Number(process.env['CLUSTER_TASKS'] ?? 0) > 1000 || OLDER !== undefined
const ROUNDS = 50
/** `flaky` ones may wait a minute: there is a bound on the share of runs that are retries. */
const PLAIN = KINDS.filter((kind) => !['cancel', 'webhook', 'flaky'].includes(kind))

describe.skipIf(programs === undefined || !isAsked)('two versions side by side', () => {
  const postgres = usePostgres(programs)

  test('one migrates while the other works: tasks go on, and an old process starts no more', async () => {
    const folder = await brokenBuild(
      'cluster/database/migrate.ts',
      'steps: readonly string[] = MIGRATIONS',
      `steps: readonly string[] = [...MIGRATIONS, \`${STEP}\`]`,
    )
    const next = join(folder, 'src/main.ts')
    const cluster = await createCluster(postgres, OLDER)
    const { db, start, unfinished } = cluster
    const oldWeb = await start('web', 'web one')
    const oldWorker = await start('worker', 'one')
    await startAudit(db)
    const seen = watchSnapshots(db)
    const promised = new Map<string, Promised>()
    const streams: Promise<readonly number[]>[] = []
    const send = async (url: string) => {
      const n = promised.size
      const kind = PLAIN[n % PLAIN.length] ?? ''
      const id = await submit({ kind, n, host: '' }, () => url)
      promised.set(id, { n, kind, isCancelled: false })
      if (kind === 'slow') streams.push(readNumbers(`${url}/api/tasks/${id}/stream`))
    }
    const migrated = { newWeb: '' }
    const upgrading = (async () => {
      await setTimeout(500)
      const web = await start('web', 'web two', {}, next)
      expect(web.stderr()).toBe('')
      await start('worker', 'two', {}, next)
      migrated.newWeb = web.url
    })()
    const failed = upgrading.catch((error: unknown) => error)
    // Before, while the tables change, and for a while after.
    for (let after = 0; after < ROUNDS; after += migrated.newWeb === '' ? 0 : 1) {
      await send(oldWeb.url)
      if (migrated.newWeb !== '') await send(migrated.newWeb)
      else if ((await Promise.race([failed, setTimeout(0)])) !== undefined) break
      await setTimeout(50)
    }
    await upgrading
    expect(await db.query('SELECT version FROM headgate.schema_version')).toEqual([
      { version: MIGRATIONS.length + 1 },
    ])
    await expect.poll(unfinished, { timeout: 60_000 }).toBe(0)
    expect(await findViolations(db, promised)).toEqual([])
    for (const numbers of await Promise.all(streams))
      expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    const workers = await db.query<{ name: string }>(
      'SELECT DISTINCT name FROM audit.runs JOIN headgate.members ON members.id = member ORDER BY name',
    )
    expect(workers.map(({ name }) => name)).toEqual(['one', 'two'])

    // Both have gone on; the old one is refused at its next start, and the next version takes its name.
    expect([oldWeb.child.exitCode, oldWorker.child.exitCode]).toEqual([null, null])
    await oldWorker.end('SIGKILL')
    const refused = await start('worker', 'one')
    expect([await refused.exited, refused.stderr()]).toEqual([
      65,
      expect.stringMatching(/headgate has version/),
    ])
    await start('worker', 'one', {}, next)
    await send(oldWeb.url)
    await expect.poll(unfinished, { timeout: 60_000 }).toBe(0)
    expect([await findViolations(db, promised), [...seen]]).toEqual([[], []])
  })
})
