import { createHash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/index.ts'
import { toDrawnNote } from '../../src/cluster/move/drawn.ts'
import { lookAtTables } from '../../src/cluster/database/doctor/tables.ts'
import { diagnose, setAside } from '../../src/journal/sqlite/doctor.ts'
import { NOT_DUE, type Journal } from '../../src/journal/journal.ts'
import { actsOn } from '../journal/acts.ts'
import { openDatabase } from '../support/cluster.ts'
import { sqliteJournal, tempFolder } from '../support/journal.ts'
import { echoType, fillWithEchoes, startMove } from '../support/move.ts'
import { postgresPrograms, usePostgres } from '../support/postgres.ts'
import { startServer, type Json } from '../support/server.ts'

const programs = postgresPrograms()
/** `npm run test:cluster-kill` makes it 100 000, with ten kills. */
const TASKS = Number(process.env['MOVE_TASKS'] ?? 3000)
const KILLS = process.env['MOVE_TASKS'] === undefined ? 3 : 10
/** Notes of one journal alone, and a time that a process writes at its end. */
const OWN = "('journal-id', 'self-test', 'move', 'proven-time')"

/** What a resource has drawn: 2 calls in a minute, the first of which was half a minute ago. */
const DRAWN = {
  project: 'a',
  coolUntil: NOT_DUE,
  ramp: 1,
  coolings: 2,
  concurrency: { value: 3, since: 0 },
  windows: [
    {
      of: 'requests',
      windowMs: 60_000,
      spent: [
        [30_000, 1, 0],
        [100, 1, 0],
      ],
    },
  ],
}

const { seen, echo } = echoType()
const call = defineTask({
  type: 'call',
  input: z.object({}),
  run: (_input, { resource }) => resource('llm', {}, () => Promise.resolve('called')),
})
const digest = defineTask({
  type: 'digest',
  input: z.object({}),
  upload: { accept: ['text/plain'], maxBytes: 4 * 1024 * 1024 },
  run: async (_input, { upload }) => {
    const { readFile } = await import('node:fs/promises')
    const bytes = await readFile(upload?.path ?? '')
    return { sha256: createHash('sha256').update(bytes).digest('hex') }
  },
})

describe.skipIf(programs === undefined)('headgate move, from PostgreSQL to a folder', () => {
  const postgres = usePostgres(programs)

  const over = (folder: string, url: string) => startMove(['--to', url], { DATA_DIR: folder }).exited
  const back = (url: string, folder: string) => startMove(['--to', folder], { DATABASE_URL: url })
  const local = (folder: string, slots: number) =>
    startServer({
      folder,
      tasks: [echo, digest],
      settings: { databaseUrl: '', journal: 'sqlite', slots, builtins: [] },
    })
  const shared = (databaseUrl: string, slots: number) =>
    startServer({
      tasks: [echo, digest],
      settings: { databaseUrl, role: 'serve', workerName: 'moved', slots, builtins: [] },
    })

  test('there and back again, all records are what they were', async () => {
    const [folder, returned] = [await tempFolder(), await tempFolder()]
    const first = await local(folder, 0)
    const { body: file } = await first.upload('/digest', 'Some text. '.repeat(200_000), { name: 'a.txt' })
    await first.as({ 'idempotency-key': 'once' }).post('/echo?priority=2', { n: 100 })
    await first.stop()
    // Its records are old: a server that works over them for a second begins to delete them.
    await fillWithEverything(folder)
    const running = await sqliteJournal(folder)
    const left = await startNew(running, '01999999-0000-7000-8000-00000000000a')
    await running[Symbol.asyncDispose]()
    const url = await postgres.newDatabase()
    expect((await over(folder, url)).code).toBe(0)
    const { code, output } = await back(url, returned).exited
    expect([code, output]).toEqual([0, expect.stringContaining('compared: 11 tasks, 1 uploads.')])
    const [before, after] = [readRecords(folder), readRecords(returned)]
    for (const [table, rows] of Object.entries(before))
      expect([table, rows.length > 0]).toEqual([table, true])
    expect(after).toEqual(before)
    const working = await local(returned, 1)
    const expected = createHash('sha256').update('Some text. '.repeat(200_000)).digest('hex')
    expect(await working.ended(String(file['task_id']))).toMatchObject({ result: { sha256: expected } })
    expect(await working.ended(left)).toMatchObject({ status: 'completed', interruptions: 1 })
  })

  test('what processes of a cluster have done is there, and the rest runs in its order', async () => {
    const url = await postgres.newDatabase()
    const first = await shared(url, 1)
    const done = await first.post('/echo', { n: -1 })
    await first.ended(String(done.body['task_id']))
    const gone = await first.post('/echo', { n: -2 })
    await first.ended(String(gone.body['task_id']))
    await fetch(`${first.url}/api/tasks/${gone.body['task_id']}`, { method: 'DELETE' })
    await first.stop()
    const second = await shared(url, 0)
    const waiting: Json[] = []
    for (let n = 0; n < 12; n += 1) waiting.push((await second.post(`/echo?priority=${n % 4}`, { n })).body)
    const { body: file } = await second.upload('/digest', 'A file.', { name: 'a.txt' })
    const later = await second.post('/api/tasks', { type: 'echo', input: { n: 50 }, delay_seconds: 3600 })
    const keyed = await second.as({ 'idempotency-key': 'once' }).post('/echo?priority=2', { n: 100 })
    const { body: ended } = await second.get(`/api/tasks/${done.body['task_id']}`)
    const { body: stats } = await second.get('/api/queue/stats')
    await second.stop()

    const folder = await tempFolder()
    const { code, output } = await startMove(['--from', url, '--to', `${folder}/journal.db`]).exited
    expect([code, output]).toEqual([0, expect.stringContaining('compared: 16 tasks, 1 uploads.')])
    // Its tasks run in the folder: nobody works over the database any more.
    await expect(shared(url, 0)).rejects.toMatchObject({ code: 'journal-moved' })
    const held = await local(folder, 0)
    const counts = await held.get('/api/queue/stats')
    const { total_processed, total_success, queue_size, by_priority, scheduled } = stats
    expect(counts.body).toMatchObject({ total_processed, total_success, queue_size, by_priority, scheduled })
    expect([total_processed, queue_size]).toEqual([2, 14])
    expect((await held.get(`/api/tasks/${done.body['task_id']}`)).body).toEqual(ended)
    expect((await held.get(`/api/tasks/${gone.body['task_id']}`)).status).toBe(410)
    const replay = await held.as({ 'idempotency-key': 'once' }).post('/echo?priority=2', { n: 100 })
    expect(replay.body).toMatchObject({ task_id: keyed.body['task_id'], deduplicated: true })
    await held.stop()
    seen.length = 0
    const working = await local(folder, 1)
    for (const task of [...waiting, keyed.body, file]) await working.ended(String(task['task_id']))
    expect(seen).toEqual([3, 7, 11, 2, 6, 10, 100, 1, 5, 9, 0, 4, 8])
    expect((await working.get(`/api/tasks/${later.body['task_id']}`)).body['status']).toBe('scheduled')
  })

  test('what resources have drawn counts on the other side, in both directions', async () => {
    const [folder, returned] = [await tempFolder(), await tempFolder()]
    const url = await postgres.newDatabase()
    const limits = { slots: 1, builtins: [], resources: new Map([['llm', { requestsPerDay: 3 }]]) }
    const alone = (where: string) =>
      startServer({
        folder: where,
        tasks: [call],
        settings: { ...limits, databaseUrl: '', journal: 'sqlite' },
      })
    const drawOne = async ({ post, ended }: Awaited<ReturnType<typeof alone>>) =>
      (await ended(String((await post('/call', {})).body['task_id'])))['status']
    const first = await alone(folder)
    expect([await drawOne(first), await drawOne(first)]).toEqual(['completed', 'completed'])
    await first.stop()
    expect((await over(folder, url)).code).toBe(0)
    const second = await startServer({
      tasks: [call],
      settings: { ...limits, databaseUrl: url, role: 'serve', workerName: 'moved' },
    })
    expect(await drawOne(second)).toBe('completed')
    const isUsedUp = async ({ get }: typeof second) => {
      const [llm] = (await get('/api/queue/stats')).body['resources'] as [Json]
      return Date.parse(String(llm['open_at'])) > Date.now() + 80_000_000
    }
    await expect.poll(() => isUsedUp(second)).toBe(true)
    await second.stop()
    expect((await back(url, returned).exited).code).toBe(0)
    const third = await alone(returned)
    expect(await isUsedUp(third)).toBe(true)
  })

  test('rows of resources that were saved at different times become one note', () => {
    const state = (at: number) => JSON.stringify({ at, projects: [DRAWN], held: [], waiting: [] })
    const rows = [
      { resource: 'a', state: state(5000) },
      { resource: 'b', state: state(8000) },
      { resource: 'never', state: '' },
    ]
    const older = [
      {
        ...DRAWN.windows[0],
        spent: [
          [33_000, 1, 0],
          [3100, 1, 0],
        ],
      },
    ]
    expect(JSON.parse(toDrawnNote(rows) ?? '')).toEqual({
      at: 8000,
      accounts: { a: [{ ...DRAWN, windows: older }], b: [DRAWN] },
    })
    expect(toDrawnNote([{ resource: 'never', state: '' }])).toBeNull()
  })

  test(
    'a move that is killed again and again loses nothing, and moves nothing twice',
    { timeout: 600_000 },
    async () => {
      const [first, folder] = [await tempFolder(), await tempFolder()]
      await fillWithEchoes(first, TASKS)
      const url = await postgres.newDatabase()
      expect((await over(first, url)).code).toBe(0)
      for (let kills = 0; kills < KILLS; kills += 1) {
        const { child, exited } = back(url, folder)
        const goal = ((kills + 1) * TASKS) / (KILLS + 1)
        while (countTasks(folder) < goal) {
          if (child.exitCode !== null) throw new Error((await exited).output)
          await new Promise((resolve) => setTimeout(resolve, 2))
        }
        child.kill('SIGKILL')
        await exited
        expect(countTasks(folder)).toBeLessThan(TASKS)
      }
      // Nobody works over half of the tasks, and nobody over those that are being moved.
      await expect(local(folder, 1)).rejects.toMatchObject({ code: 'move-unfinished' })
      await expect(shared(url, 1)).rejects.toMatchObject({ code: 'move-unfinished' })
      const repeat = { about: 'journal', fix: expect.stringContaining('Repeat headgate move') }
      expect(diagnose(folder).at(-1)).toMatchObject(repeat)
      const db = openDatabase(url)
      expect((await lookAtTables(db)).at(-1)).toMatchObject({ ...repeat, about: 'move' })
      const { code, output } = await back(url, folder).exited
      expect([code, output]).toEqual([0, expect.stringContaining(`compared: ${TASKS} tasks, 0 uploads.`)])
      expect(readRecords(folder)).toEqual(readRecords(first))
      const start = { about: 'move', fix: expect.stringContaining('Start over the folder') }
      expect((await lookAtTables(db)).at(-1)).toMatchObject(start)
    },
  )

  test('the folder that the tasks came from takes them back when its journal is set aside', async () => {
    const folder = await tempFolder()
    await fillWithEchoes(folder, 10)
    const before = readRecords(folder)
    const url = await postgres.newDatabase()
    expect((await over(folder, url)).code).toBe(0)
    expect((await back(url, folder).exited).output).toContain('were moved to postgres://')
    setAside(folder)
    expect((await back(url, folder).exited).code).toBe(0)
    expect(readRecords(folder)).toEqual(before)
    await (await local(folder, 0)).stop()
  })

  test('a move mixes no two sets of tasks, and takes none that somebody works over', async () => {
    const [first, folder, other] = [await tempFolder(), await tempFolder(), await tempFolder()]
    await fillWithEchoes(first, 10)
    await fillWithEchoes(folder, 10)
    const url = await postgres.newDatabase()
    expect((await back(url, other).exited).output).toContain('no schema headgate')
    expect((await over(first, url)).code).toBe(0)
    expect((await back(url, folder).exited).output).toContain('The folder has tasks already')
    expect((await startMove(['--from', url, '--to', url]).exited).output).toContain('the other one a folder')
    expect((await startMove(['--from', folder, '--to', other]).exited).output).toContain(
      'has to be a database',
    )
    expect((await startMove(['--from', url, '--to', 'data.sqlite']).exited).output).toContain(
      'Name the folder',
    )

    const cluster = await shared(url, 0)
    expect((await back(url, other).exited).output).toContain('Processes work over the database: moved')
    await cluster.stop()
    // What was refused keeps nobody away.
    await (await shared(url, 0)).stop()
    const server = await local(other, 0).catch((error: unknown) => error)
    expect(server).toMatchObject({ code: 'move-unfinished' })
    expect((await back(url, other).exited).code).toBe(0)
    expect((await back(url, await tempFolder()).exited).output).toContain(`were moved to ${other}`)
    const using = await local(other, 0)
    expect((await back(url, other).exited).output).toContain('Another process uses the journal')
    await using.stop()
  })

  test('a difference is found before anybody works over the folder', async () => {
    const [first, folder] = [await tempFolder(), await tempFolder()]
    await fillWithEchoes(first, 10)
    const url = await postgres.newDatabase()
    expect((await over(first, url)).code).toBe(0)
    expect((await back(url, folder).exited).code).toBe(0)
    const db = new DatabaseSync(`${folder}/journal.db`)
    db.exec(`UPDATE results SET result = '"other"' WHERE id = (SELECT min(id) FROM results)`)
    db.exec(`UPDATE notes SET text = replace(text, 'done', 'verify') WHERE name = 'move'`)
    db.close()
    const { code, output } = await back(url, folder).exited
    expect([code, output]).toEqual([1, expect.stringContaining('is not what is at the source')])
    await expect(local(folder, 0)).rejects.toMatchObject({ code: 'move-unfinished' })
  })

  test('a file that is damaged is named, and its task is moved', async () => {
    const [first, folder] = [await tempFolder(), await tempFolder()]
    const server = await local(first, 0)
    const { body } = await server.upload('/digest', 'Some text.', { name: 'a.txt' })
    await server.stop()
    const url = await postgres.newDatabase()
    expect((await over(first, url)).code).toBe(0)
    await openDatabase(url).query('DELETE FROM headgate.uploads')
    expect(await back(url, folder).exited).toMatchObject({
      code: 0,
      output: expect.stringContaining(`of the tasks ${String(body['task_id'])}.`),
    })
    const working = await local(folder, 1)
    expect(await working.ended(String(body['task_id']))).toMatchObject({ status: 'error' })
  })
})

/** A journal with tasks in each state, and everything that is kept beside them. */
async function fillWithEverything(folder: string): Promise<void> {
  const journal = await sqliteJournal(folder)
  const { admit, append, run, start } = actsOn(journal)
  const id = (n: number) => `01999999-0000-7000-8000-00000000000${n}`
  await run({ id: id(1), type: 'echo', input: { n: 1, text: '漢字 \0 "quoted" \ud800' } })
  await admit(
    { id: id(2), type: 'echo', input: { n: 2 } },
    { caller: 'a', key: 'k', fingerprint: 'f', taskId: id(2), waiter: 1, expiresAt: NOT_DUE },
  )
  await startNew(journal, id(3))
  await journal.steps.saveStep({ id: id(3), run: 1 }, { name: 'begun', value: '1', savedAt: 1234 })
  await append(
    await start(await admit({ id: id(4), type: 'echo', input: { n: 4 } })),
    { type: 'waiting', reason: 'retry' } as never,
    { status: 'waiting', waitUntil: NOT_DUE, waitResource: 'models' },
  )
  await admit({ id: id(5), type: 'echo', input: { n: 5 }, status: 'scheduled', waitUntil: NOT_DUE } as never)
  await run({ id: id(6), type: 'echo', input: { n: 6 } })
  await journal.retention.erase(id(6), 5000)
  const delivery = { caller: 'a', url: 'https://example.com/', secret: 's' }
  await journal.deliveries.add({ ...delivery, id: 'msg_1', taskId: id(1), attempt: 3, nextAt: NOT_DUE - 1 })
  await journal.notes.saveNote('controls', '{"max_workers":3}')
  await journal.notes.saveNote('total_rejected', '17')
  await journal.notes.saveNote('resources', JSON.stringify({ at: 1234, accounts: { llm: [DRAWN] } }))
  await journal.history.saveMinute(29_000_000, 1, '{"a":1}')
  await run({ id: id(7), type: 'echo', input: { n: 7 } }, 1000)
  await journal.retention.pruneEvents(1500, 10)
  await admit({ id: id(8), type: 'echo', input: { n: 8 }, priority: 3 })
  await run({ id: id(9), type: 'echo', input: { n: 9 } })
  await journal[Symbol.asyncDispose]()
}

/** A task that runs, as a process leaves it that is killed. */
async function startNew(journal: Journal, id: string): Promise<string> {
  const { admit, start } = actsOn(journal)
  await start(await admit({ id, type: 'echo', input: { n: 60 } }))
  return id
}

/** All records of a journal, in their order. */
function readRecords(folder: string): Readonly<Record<string, readonly unknown[]>> {
  const db = new DatabaseSync(`${folder}/journal.db`, { readOnly: true })
  try {
    const read = (sql: string) => db.prepare(`SELECT * FROM ${sql}`).all()
    const tables = [
      'inputs',
      'results',
      'events',
      'steps',
      'keys',
      'deliveries',
      'erased',
      'minutes',
      'totals',
    ]
    return {
      tasks: read('tasks ORDER BY rowid'),
      notes: read(`notes WHERE name NOT IN ${OWN} ORDER BY name`),
      ...Object.fromEntries(tables.map((table) => [table, read(`${table} ORDER BY 1, 2`)])),
    }
  } finally {
    db.close()
  }
}

/** Tasks that a journal has while another process writes it. */
function countTasks(folder: string): number {
  try {
    const db = new DatabaseSync(`${folder}/journal.db`, { readOnly: true, timeout: 1000 })
    try {
      return Number(db.prepare('SELECT count(*) AS count FROM tasks').get()?.['count'])
    } finally {
      db.close()
    }
  } catch {
    return 0
  }
}
