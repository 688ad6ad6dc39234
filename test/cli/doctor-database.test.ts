import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { diagnoseDatabase } from '../../src/cluster/database/doctor/doctor.ts'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { openDatabase } from '../support/cluster.ts'
import { startPgBouncer, toDirect } from '../support/pgbouncer.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { PROCESS_ENV, ROOT, startProcess } from '../support/process.ts'
import { realPart } from '../support/real-parts.ts'
import { MIGRATIONS } from '../../src/cluster/database/schema.ts'

const programs = postgresPrograms()
const pgbouncer = realPart('pgbouncer')

describe.skipIf(programs === undefined)('headgate doctor with DATABASE_URL', () => {
  const postgres = usePostgres(programs)
  const newDatabase = async () => toDirect(await postgres.newDatabase())
  const diagnose = async (url: string, given: Partial<Parameters<typeof diagnoseDatabase>[0]> = {}) => {
    const options = { url, listenUrl: url, prepares: true, connections: 4, now: () => Date.now(), ...given }
    const findings = await diagnoseDatabase(options)
    const wrong = findings.filter(({ fix }) => fix !== undefined)
    return { findings, wrong, of: (about: string) => findings.filter((each) => each.about === about) }
  }
  const details = (findings: readonly { readonly detail: string }[]) => findings.map(({ detail }) => detail)

  test('a sound one: before the first start, and with the processes that work over it', async () => {
    const url = await newDatabase()
    const before = await diagnose(url)
    expect(before.wrong).toEqual([])
    expect(details(before.of('tables'))).toEqual(['there are none yet: the first start makes them'])

    await startProcess({ DATABASE_URL: url, WORKER_NAME: 'one', BUILTIN_TASKS: 'none' })
    const env = { ...PROCESS_ENV, DATABASE_URL: url.replace('headgate@', 'headgate:secret@') }
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) => {
      execFile(join(ROOT, 'headgate'), ['doctor'], { env }, (error, stdout) =>
        resolve({ code: error?.code ?? 0, stdout }),
      )
    })
    expect([code, stdout]).toEqual([0, expect.not.stringMatching(/WRONG|secret/)])
    for (const line of [
      /ok +address +postgres:\/\/headgate@127/,
      /ok +pooler +connections go to PostgreSQL itself/,
      /ok +version +PostgreSQL \d+/,
      /ok +durability +a commit is on the disk/,
      /ok +rights +headgate owns the schema pgboss/,
      new RegExp(
        `ok +tables +the schema headgate has version ${MIGRATIONS.length}, as this program makes it; pgboss has version \\d+`,
      ),
      /ok +processes +one \(serve, [\d.]+\); 0 tasks have not ended/,
      /ok +connections +\d+ of 197 connections are used; each process has up to 7: room for \d+ more/,
      /ok +clock +-?\d+ ms/,
    ])
      expect(stdout).toMatch(line)
  })

  test('what is wrong is named, each with a fix', async () => {
    const url = await newDatabase()
    const db = openDatabase(url)
    const name = new URL(url).pathname.slice(1)
    await db.query('CREATE ROLE stranger LOGIN CONNECTION LIMIT 3')
    const stranger = url.replace('headgate@', 'stranger@')
    const rights = await diagnose(stranger)
    expect(details(rights.of('rights'))).toEqual([
      'stranger may not make the schema headgate',
      'stranger may not make the schema pgboss',
    ])
    expect(rights.of('connections')[0]?.fix).toMatch(/^Raise max_connections/)

    await db.query(`ALTER DATABASE "${name}" SET synchronous_commit = off`)
    await migrate(db)
    await db.query('UPDATE headgate.schema_version SET version = 999')
    const { of, wrong } = await diagnose(url, { now: () => Date.now() + 60_000 })
    expect(details(of('durability'))).toEqual(['synchronous_commit = off: what is confirmed can be lost'])
    expect(details(of('tables'))).toEqual([
      `the schema headgate has version 999, this program knows ${MIGRATIONS.length}`,
    ])
    expect(details(of('clock'))[0]).toMatch(/^(59|60)\d{3} ms/)
    expect(wrong.map(({ about }) => about)).toEqual(['durability', 'tables', 'clock'])
    const other = await diagnose(stranger)
    expect(other.of('rights')[0]?.fix).toMatch(/^Connect as the role that made it/)
    expect(details(other.of('database'))).toContain('permission denied for schema headgate')

    const none = await diagnose('postgres://headgate:secret@127.0.0.1:1/none')
    expect(none.findings).toMatchObject([
      {
        about: 'address',
        detail: expect.stringMatching(/^postgres:\/\/headgate@127.0.0.1:1\/none cannot be used/),
      },
    ])
    expect(JSON.stringify(none.findings)).not.toContain('secret')
  })

  test.skipIf(pgbouncer === undefined)('a pooler of transactions, and what is missing with it', async () => {
    const direct = await newDatabase()
    const pooler = await startPgBouncer(pgbouncer ?? '', 'transaction', postgres.server.port)
    try {
      const url = pooler.toPooled(direct)
      const { wrong } = await diagnose(url)
      expect(wrong.map(({ about }) => about)).toEqual(['pooler', 'listening', 'timeouts', 'timeouts'])
      await openDatabase(direct).query(
        `ALTER DATABASE "${new URL(url).pathname.slice(1)}" SET statement_timeout = '4500ms'`,
      )
      const right = await diagnose(url, { listenUrl: direct, prepares: false })
      expect(right.of('pooler')).toEqual([
        { about: 'pooler', detail: 'a pooler gives each transaction another connection' },
      ])
      expect(right.of('listening')).toEqual([])
      expect(details(right.of('connections'))[0]).toContain('each process has up to 1:')
    } finally {
      await pooler.stop()
    }
  })
})
