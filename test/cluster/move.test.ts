import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { actsOn } from '../journal/acts.ts'
import type { Statements } from '../../src/cluster/database/database.ts'
import { migrate } from '../../src/cluster/database/migrate.ts'
import { openDatabase } from '../support/cluster.ts'
import { sqliteJournal, tempFolder } from '../support/journal.ts'
import { echoType, fillWithEchoes, startMove } from '../support/move.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { startServer, type Json } from '../support/server.ts'

const programs = postgresPrograms()
/** `npm run test:cluster-kill` makes it 100 000. */
const TASKS = Number(process.env['MOVE_TASKS'] ?? 3000)
const KILLS = 10
const NOT_BEGUN = { stage: 'tasks', place: 0 }

const { seen, echo } = echoType()
const digest = defineTask({
  type: 'digest',
  input: z.object({}),
  upload: { accept: ['text/plain'], maxBytes: 4 * 1024 * 1024 },
  run: async (_input, { upload, step }) => {
    await step('begun', () => Promise.resolve(1))
    const { readFile } = await import('node:fs/promises')
    return {
      sha256: createHash('sha256')
        .update(await readFile(upload?.path ?? ''))
        .digest('hex'),
    }
  },
})

describe.skipIf(programs === undefined)('headgate move', () => {
  const postgres = usePostgres(programs)

  const move = (folder: string, url: string, more: Record<string, string> = {}) =>
    startMove(['--to', url], { DATA_DIR: folder, ...more })

  const local = (folder: string, slots: number) =>
    startServer({
      folder,
      tasks: [echo, digest],
      settings: { databaseUrl: '', journal: 'sqlite', slots, builtins: [], keepUploadsMs: 3_600_000 },
    })
  const shared = (databaseUrl: string, slots: number) =>
    startServer({
      tasks: [echo, digest],
      settings: { databaseUrl, role: 'serve', workerName: 'moved', slots, builtins: [] },
    })

  test('everything of a server is there: what has ended, what waits and in which order, files, keys', async () => {
    const folder = await tempFolder()
    const first = await local(folder, 1)
    const done = await first.post('/echo', { n: -1 })
    await first.ended(String(done.body['task_id']))
    const gone = await first.post('/echo', { n: -2 })
    await first.ended(String(gone.body['task_id']))
    expect((await fetch(`${first.url}/api/tasks/${gone.body['task_id']}`, { method: 'DELETE' })).status).toBe(
      204,
    )
    await first.stop()

    const second = await local(folder, 0)
    const text = 'A file that a task was given. '.repeat(50_000)
    const form = new FormData()
    form.append('file', new Blob([text]), 'file.txt')
    const file = (await (await fetch(`${second.url}/digest`, { method: 'POST', body: form })).json()) as Json
    const keyed = second.as({ 'idempotency-key': 'once' })
    const once1 = await keyed.post('/echo?priority=2', { n: 100 })
    const waiting: Json[] = []
    for (let n = 0; n < 12; n += 1) waiting.push((await second.post(`/echo?priority=${n % 4}`, { n })).body)
    const later = await second.post('/api/tasks', { type: 'echo', input: { n: 50 }, delay_seconds: 3600 })
    const { body: before } = await second.get('/api/tasks?status=queued&limit=100')
    const { body: stats } = await second.get('/api/queue/stats')
    await second.stop()
    const running = await sqliteJournal(folder)
    const left = await actsOn(running).start(
      await actsOn(running).admit({
        id: '01999999-0000-7000-8000-00000000abcd',
        type: 'echo',
        input: { n: 60 },
      }),
    )
    await running[Symbol.asyncDispose]()

    const url = await postgres.newDatabase()
    const moved = await move(folder, url).exited
    expect(moved.output).toContain('and compared: 17 tasks, 1 uploads.')
    expect(moved.code).toBe(0)
    expect(moved.output).not.toContain(new URL(url).password === '' ? '\0' : new URL(url).password)

    const held = await shared(url, 0)
    const { body: after } = await held.get('/api/tasks?status=queued&limit=100')
    const ids = (list: Json) => (list['tasks'] as Json[]).map((task) => task['id'])
    expect(ids(after)).toEqual(ids(before))
    expect((await held.get(`/api/tasks/${done.body['task_id']}`)).body).toMatchObject({ result: { n: -1 } })
    expect((await held.get(`/api/tasks/${gone.body['task_id']}`)).status).toBe(410)
    const replay = await held.as({ 'idempotency-key': 'once' }).post('/echo?priority=2', { n: 100 })
    expect(replay.body).toMatchObject({ task_id: once1.body['task_id'], deduplicated: true })
    const counts = await held.get('/api/queue/stats')
    const { total_processed, total_success, queue_size, by_priority, scheduled } = stats
    const numbers = { total_processed, total_success, queue_size, by_priority, scheduled }
    expect([numbers, counts.body]).toEqual([
      expect.objectContaining({ total_processed: 2, queue_size: 14, scheduled: 1 }),
      expect.objectContaining({ ...numbers, current_processing: 1 }),
    ])
    await held.stop()

    seen.length = 0
    const working = await shared(url, 1)
    for (const task of [...waiting, once1.body, file]) await working.ended(String(task['task_id']))
    expect(await working.ended(left.id)).toMatchObject({ status: 'completed', interruptions: 1 })
    // URGENT, HIGH with the keyed one first, NORMAL with the interrupted one at its age, LOW; each first in, first out.
    expect(seen).toEqual([3, 7, 11, 100, 2, 6, 10, 1, 5, 9, 60, 0, 4, 8])
    const expected = createHash('sha256').update(text).digest('hex')
    expect(await working.ended(String(file['task_id']))).toMatchObject({ result: { sha256: expected } })
    expect((await working.get(`/api/tasks/${later.body['task_id']}`)).body['status']).toBe('scheduled')
  })

  test(
    'a move that is killed again and again loses nothing, and moves nothing twice',
    { timeout: 600_000 },
    async () => {
      const folder = await tempFolder()
      await fillWithEchoes(folder, TASKS)
      const url = await postgres.newDatabase()
      const db = openDatabase(url)
      await migrate(db)
      const lockPlace = async (tx: Statements) => {
        const sql = "SELECT text FROM headgate.notes WHERE name = 'move' FOR UPDATE"
        const [row] = await tx.query<{ text: string }>(sql)
        const { stage, place } = row === undefined ? NOT_BEGUN : (JSON.parse(row.text) as typeof NOT_BEGUN)
        return stage === 'tasks' ? place : Infinity
      }
      for (let kills = 0; kills < KILLS; kills += 1) {
        const before = kills * (TASKS / (KILLS + 1))
        const { child, exited } = move(folder, url)
        // The move stands still at the end of a piece while its note is locked.
        for (let isKilled = false; !isKilled;) {
          if (child.exitCode !== null) throw new Error((await exited).output)
          isKilled = await db.transaction(async (tx) => {
            const place = await lockPlace(tx)
            const isFarEnough = place >= before + TASKS / (KILLS + 1)
            if (isFarEnough && kills % 2 === 0) child.kill('SIGKILL')
            return isFarEnough
          })
        }
        // Every other time it dies within the next piece.
        child.kill('SIGKILL')
        await exited
      }
      // Nobody works over half of the tasks, and nobody over the journal beside them.
      await expect(shared(url, 1)).rejects.toMatchObject({ code: 'move-unfinished' })
      const { code, output } = await move(folder, url).exited
      expect(output).toContain(`and compared: ${TASKS} tasks, 0 uploads.`)
      expect(code).toBe(0)
      await expect(local(folder, 1)).rejects.toMatchObject({ code: 'journal-moved' })
      expect((await move(folder, url).exited).output).toContain('were moved to postgres://')

      const [counted] = await db.query(
        `SELECT (SELECT count(*)::integer FROM headgate.tasks) AS tasks, (SELECT count(*)::integer FROM pgboss.job) AS tickets,
        (SELECT sum(count)::integer FROM headgate.counters WHERE name = 'completed') AS completed,
        (SELECT sum(count)::integer FROM headgate.counters WHERE name = 'queued') AS queued`,
      )
      expect(counted).toEqual({ tasks: TASKS, tickets: TASKS / 2, completed: TASKS / 2, queued: TASKS / 2 })
    },
  )

  test('a move whose connections are cut continues by itself', async () => {
    const folder = await tempFolder()
    await fillWithEchoes(folder, 1000)
    const url = await postgres.newDatabase()
    const db = openDatabase(url)
    await migrate(db)
    const { child, exited } = move(folder, url)
    for (let isCut = false; !isCut;) {
      if (child.exitCode !== null) throw new Error((await exited).output)
      isCut = await db.transaction(async (tx) => {
        const [row] = await tx.query<{ text: string }>(
          "SELECT text FROM headgate.notes WHERE name = 'move' FOR UPDATE",
        )
        // It has moved something, and waits for its note.
        if (row === undefined || (JSON.parse(row.text) as { place: number }).place <= 0) return false
        const cut = await tx.query(
          'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
        )
        return cut.length > 0
      })
    }
    const { code, output } = await exited
    expect([code, output]).toEqual([0, expect.stringContaining('and compared: 1000 tasks, 0 uploads.')])
  })

  test('a move mixes no two sets of tasks, and takes no journal that is in use', async () => {
    const [folder, other] = [await tempFolder(), await tempFolder()]
    await fillWithEchoes(folder, 10)
    await fillWithEchoes(other, 10)
    const url = await postgres.newDatabase()
    const server = await local(folder, 0)
    expect((await move(folder, url).exited).output).toContain('Another process uses the journal')
    await server.stop()
    const over = await shared(url, 0)
    expect((await move(folder, url).exited).output).toContain('Processes work over the database: moved')
    await over.stop()
    expect((await move(folder, url).exited).code).toBe(0)
    const { code, output } = await move(other, url).exited
    expect([code, output]).toEqual([1, expect.stringContaining('The database has tasks already')])
  })

  test('uploads go where the processes will look for them', async () => {
    const folder = await tempFolder()
    const first = await local(folder, 0)
    const { body } = await first.upload('/digest', 'Some text.', { name: 'a.txt' })
    await first.stop()
    const url = await postgres.newDatabase()
    const uploadsUrl = `file://${await tempFolder()}`
    // Its own DATABASE_URL is that of the processes.
    const moved = await move(folder, url, { DATABASE_URL: url, UPLOADS_URL: uploadsUrl }).exited
    expect(moved.output).toContain('1 tasks, 1 uploads.')
    expect(await openDatabase(url).query('SELECT FROM headgate.uploads')).toEqual([])
    const settings = {
      databaseUrl: url,
      uploadsUrl,
      role: 'serve',
      workerName: 'moved',
      builtins: [],
    } as const
    const working = await startServer({ tasks: [digest], settings })
    expect(await working.ended(String(body['task_id']))).toMatchObject({ status: 'completed' })
  })

  test('a difference is found before anybody works over the database', async () => {
    const folder = await tempFolder()
    await fillWithEchoes(folder, 10)
    const url = await postgres.newDatabase()
    expect((await move(folder, url).exited).code).toBe(0)
    const db = openDatabase(url)
    await db.query(
      'UPDATE headgate.results SET result = \'"other"\' WHERE id = (SELECT min(id) FROM headgate.results)',
    )
    await db.query(`UPDATE headgate.notes SET text = replace(text, 'done', 'verify') WHERE name = 'move'`)
    const { rm } = await import('node:fs/promises')
    await rm(`${folder}/journal.moved`)
    const { code, output } = await move(folder, url).exited
    expect([code, output]).toEqual([
      1,
      expect.stringContaining('what is at the target is not what is at the source'),
    ])
  })
})
