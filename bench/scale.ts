import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { toEventRow, toFixedRow, toStateRow } from '../src/journal/rows.ts'
import type { EventBody } from '../src/task/event.ts'
import { completedTask, expectStatus, getJson, submitTask } from './replies.ts'
import { quantile, sampleTask } from './support.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const MAIN = ['--conditions=headgate-source', 'src/main.ts']
const HOUR = 3_600_000
const POSTS_PER_SECOND = 100

interface Running {
  readonly url: string
  readonly seconds: number
  stop(): Promise<void>
}

/** The real process, and how long it took from its start until it was ready. */
async function start(
  dataDir: string,
  env: Record<string, string> = {},
  wrapper: readonly string[] = [],
): Promise<Running> {
  const startedAt = performance.now()
  const [command = '', ...args] = [...wrapper, process.execPath, ...MAIN]
  const child = spawn(command, args, {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATA_DIR: dataDir,
      RATE_LIMIT_PER_MINUTE: '0',
      ...BENCH_TASKS,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const [pid, url] = await new Promise<[number, string]>((resolve) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      if (output.length > 100_000) return
      output += chunk.toString()
      const found = /"pid":(\d+)[^\n]*"url":"([^"]+)"[^\n]*headgate is listening/.exec(output)
      if (found !== null) resolve([Number(found[1]), found[2] ?? ''])
    })
  })
  const seconds = (performance.now() - startedAt) / 1000
  const stop = async () => {
    // Itself, and not what it runs under.
    process.kill(pid, 'SIGTERM')
    await exited
  }
  return { url, seconds, stop }
}

const BENCH_TASKS = { TASKS_FILE: join(ROOT, 'bench', 'scale-tasks.ts'), ANALYSIS_QUEUE_MAX_SIZE: '1000000' }

/** A folder with an empty journal, filled by `fill` and removed after `use`. */
async function withJournal<Value>(fill: (db: DatabaseSync) => void, use: (folder: string) => Promise<Value>) {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-scale-'))
  try {
    await (await start(folder)).stop()
    const db = new DatabaseSync(join(folder, 'journal.db'))
    fill(db)
    db.close()
    // Or the system writes it back while the server is measured.
    spawnSync('sync')
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Filling {
  readonly count: number
  readonly status: 'queued' | 'ended'
  /** SQL of the end of a task, by its number `n`. */
  readonly endedAt: string
}

/** Rows as the writer leaves them, made by its own functions: `count` tasks with input, events and results. */
function insertTasks(db: DatabaseSync, { count, status, endedAt }: Filling): void {
  const isQueued = status === 'queued'
  const queued = sampleTask(1, 1)
  const task = isQueued ? { ...queued, lastSeq: 1 } : { ...queued, ...RUN, lastSeq: 3 }
  const { fixed } = toFixedRow(task)
  const { state } = toStateRow(task)
  const id = "printf('01999999-0000-7000-8000-%012x', n)"
  const type = "CASE n % 50 WHEN 0 THEN 'other' ELSE 'empty' END"
  const ended = "CASE n % 20 WHEN 0 THEN 'error' ELSE 'completed' END"
  const rows = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`
  const columns = 'id, type, caller, priority, status, run, last_seq, created_at, finished_at, fixed, state'
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN')
  db.prepare(
    `${rows} INSERT INTO tasks (${columns}) SELECT ${id}, ${type}, 'local', n % 4, ${isQueued ? "'queued'" : ended},
      ${task.run}, ${task.lastSeq}, 1, ${endedAt}, ?, ? FROM numbers`,
  ).run(fixed, state)
  db.exec(`INSERT INTO inputs SELECT id, '{"n":1}' FROM tasks`)
  const event = (seq: number, body: EventBody) => {
    const row = toEventRow({ ...body, seq, taskId: task.id, status: 'queued', at: 1 })
    db.prepare(`INSERT INTO events SELECT id, ${seq}, ?, status, 1, ? FROM tasks`).run(row.type, row.body)
  }
  event(1, { type: 'queued', queuePosition: 1, tasksAhead: 0, wait: null })
  if (!isQueued) {
    event(2, { type: 'started', attempt: 1 })
    event(3, { type: 'result', title: null, summary: null, filename: null, hash: null })
    db.exec(`INSERT INTO results SELECT id, '{"n":1}' FROM tasks`)
  }
  db.exec(`INSERT OR REPLACE INTO totals SELECT status, count(*) FROM tasks GROUP BY status; COMMIT`)
}

const RUN = { run: 1, attempt: 1, startedAt: 1, waitMs: 1, runMs: 1, progress: 100 }

/** Seconds from the start of the process until it is ready. */
export function startWithQueued(count: number): Promise<number> {
  return withJournal(
    (db) => insertTasks(db, { count, status: 'queued', endedAt: 'NULL' }),
    async (folder) => {
      const server = await start(folder, { MAX_CONCURRENT_ANALYSIS_TASKS: '0' })
      const stats = await getJson<{ queue_size: number }>(`${server.url}/api/queue/stats`)
      if (stats.queue_size !== count) throw new Error(`${stats.queue_size} of ${count} tasks recovered`)
      await server.stop()
      return server.seconds
    },
  )
}

/** Latencies with a large journal, ms. */
export async function millionFinished() {
  const now = Date.now()
  const emptyPostP99 = await withJournal(
    () => undefined,
    async (folder) => {
      const server = await start(folder)
      await posts(server.url, 3)
      const p99 = await posts(server.url, 10)
      await server.stop()
      return p99
    },
  )
  // One in ten has been kept long enough.
  const endedAt = `CASE WHEN n <= 100000 THEN ${now - 48 * HOUR} ELSE ${now} - n % 1000 END`
  return withJournal(
    (db) => insertTasks(db, { count: 1_000_000, status: 'ended', endedAt }),
    async (folder) => {
      const server = await start(folder)
      await posts(server.url, 3)
      const postP99 = await posts(server.url, 10)
      const listP99 = await lists(server.url)
      await server.stop()
      const pruning = await start(folder, { RESULT_RETENTION_HOURS: '24', EVENT_RETENTION_HOURS: '24' })
      const startedAt = performance.now()
      const [pruningP99] = await Promise.all([posts(pruning.url, 10), sleep(1)])
      let isDone = false
      while (!isDone) {
        await sleep(500)
        const found = await fetch(
          `${pruning.url}/api/tasks/01999999-0000-7000-8000-${(100_000).toString(16).padStart(12, '0')}`,
        )
        isDone = (await expectStatus(found, 200, 410)).status === 410
        await found.text()
      }
      const pruningSeconds = (performance.now() - startedAt) / 1000
      await pruning.stop()
      return { emptyPostP99, postP99, listP99, pruningP99, pruningSeconds }
    },
  )
}

/** POSTs at a steady pace, whatever the replies take; p99 in ms. */
async function posts(url: string, seconds: number): Promise<number> {
  const took: number[] = []
  const headers = { 'content-type': 'application/json' }
  const post = async () => {
    const sentAt = performance.now()
    const response = await fetch(`${url}/empty`, { method: 'POST', headers, body: '{"n":1}' })
    await (await expectStatus(response, 202)).text()
    took.push(performance.now() - sentAt)
  }
  const all: Promise<void>[] = []
  for (let sent = 0; sent < seconds * POSTS_PER_SECOND; sent += 1) {
    all.push(post())
    await sleep(1000 / POSTS_PER_SECOND)
  }
  await Promise.all(all)
  return quantile(took, 0.99)
}

/** Pages of every kind, from any place; p99 in ms. */
async function lists(url: string): Promise<number> {
  /** Filters, each with whether tasks fit it. */
  const filters = [
    ['', true],
    ['&status=completed', true],
    ['&status=error', true],
    ['&status=expired', false],
    ['&type=other', true],
    ['&type=none', false],
    ['&status=error&type=other', true],
  ] as const
  const took: number[] = []
  for (let round = 0; round < 60; round += 1) {
    for (const [filter, hasTasks] of filters) {
      const place = Math.floor(Math.random() * 1_000_000)
        .toString(16)
        .padStart(12, '0')
      const cursor = round % 2 === 0 ? '' : `&cursor=01999999-0000-7000-8000-${place}`
      const sentAt = performance.now()
      const page = await getJson<{ tasks: unknown[] }>(`${url}/api/tasks?limit=100${filter}${cursor}`)
      took.push(performance.now() - sentAt)
      // From an early place there may be none left.
      const isExpected = cursor !== '' || page.tasks.length > 0 === hasTasks
      if (!isExpected) throw new Error(`${page.tasks.length} tasks for "${filter}"`)
    }
  }
  return quantile(took, 0.99)
}

/** Event-loop delay of a server all of whose syncs are held up for 500 ms (strace); null without strace. */
export async function loopLagWhileSyncsStall(): Promise<{ p99: number; posts: number } | null> {
  if (spawnSync('strace', ['-V']).status !== 0) return null
  const inject = 'inject=fsync,fdatasync:delay_enter=500000'
  const wrapper = [
    'strace',
    '-f',
    '-qq',
    '--seccomp-bpf',
    '-o',
    '/dev/null',
    '-e',
    'trace=fsync,fdatasync',
    '-e',
    inject,
  ]
  const folder = mkdtempSync(join(tmpdir(), 'headgate-stall-'))
  const server = await start(folder, {}, wrapper)
  const until = performance.now() + 8000
  let answered = 0
  const client = async () => {
    while (performance.now() < until) {
      await submitTask(server.url, 'empty', { n: 1 })
      answered += 1
    }
  }
  await Promise.all(Array.from({ length: 20 }, client))
  const lag = (await completedTask(server.url, await submitTask(server.url, 'lag'))) as { p99: number }
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
  return { p99: lag.p99, posts: answered }
}
