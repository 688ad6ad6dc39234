import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { quantile } from './support.ts'

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
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      if (said.length > 100_000) return
      said += chunk.toString()
      const found = /"pid":(\d+)[^\n]*"url":"([^"]+)"[^\n]*headgate is listening/.exec(said)
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

/** Rows as the writer leaves them: `count` tasks of one status, with input and events. */
function insertTasks(
  db: DatabaseSync,
  { count, status, endedAt }: { count: number; status: string; endedAt: string },
): void {
  const id = "printf('01999999-0000-7000-8000-%012x', n)"
  const isQueued = status === 'queued'
  const fixed = '{"upload":null,"metadata":null,"timeoutMs":3600000,"maxAttempts":1,"webhook":null}'
  const state = `{"attempt":1,"interruptions":0,"strikes":0,"stepsKept":0,"waiters":1,"startedAt":${isQueued ? 'null' : 1}}`
  const rows = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`
  db.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; BEGIN')
  db.exec(`${rows} INSERT INTO tasks SELECT ${id}, CASE n % 50 WHEN 0 THEN 'other' ELSE 'empty' END, 'caller-' || (n % 100),
    n % 4, CASE WHEN '${status}' = 'ended' AND n % 20 = 0 THEN 'error' WHEN '${status}' = 'ended' THEN 'completed' ELSE '${status}' END,
    ${isQueued ? 0 : 1}, ${isQueued ? 1 : 3}, 1, ${endedAt}, 1, NULL, NULL, '${fixed}', '${state}' FROM numbers`)
  db.exec(`INSERT INTO inputs SELECT id, '{"n":1}' FROM tasks`)
  const event = (seq: number, type: string, body: string) =>
    db.exec(`INSERT INTO events SELECT id, ${seq}, '${type}', status, 1, '${body}' FROM tasks`)
  event(1, 'queued', '{"queuePosition":1,"tasksAhead":0}')
  if (!isQueued) {
    event(2, 'started', '{"attempt":1}')
    event(3, 'result', '{"title":null,"summary":null,"filename":null,"hash":null}')
    db.exec(`INSERT INTO results SELECT id, '{"n":1}' FROM tasks`)
  }
  db.exec(`INSERT OR REPLACE INTO totals SELECT status, count(*) FROM tasks GROUP BY status; COMMIT`)
}

/** Seconds from the start of the process until it is ready. */
export function startWithQueued(count: number): Promise<number> {
  return withJournal(
    (db) => insertTasks(db, { count, status: 'queued', endedAt: 'NULL' }),
    async (folder) => {
      const server = await start(folder, { MAX_CONCURRENT_ANALYSIS_TASKS: '0' })
      const stats = (await (await fetch(`${server.url}/api/queue/stats`)).json()) as { queue_size: number }
      if (stats.queue_size !== count) throw new Error(`${stats.queue_size} of ${count} tasks were taken over`)
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
        isDone = found.status === 410
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
    await response.text()
    if (response.status !== 202) throw new Error(`${response.status}`)
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
  const filters = [
    '',
    '&status=completed',
    '&status=error',
    '&status=expired',
    '&type=other',
    '&type=none',
    '&status=error&type=other',
  ]
  const took: number[] = []
  for (let round = 0; round < 60; round += 1) {
    for (const filter of filters) {
      const place = Math.floor(Math.random() * 1_000_000)
        .toString(16)
        .padStart(12, '0')
      const cursor = round % 2 === 0 ? '' : `&cursor=01999999-0000-7000-8000-${place}`
      const sentAt = performance.now()
      await (await fetch(`${url}/api/tasks?limit=100${filter}${cursor}`)).text()
      took.push(performance.now() - sentAt)
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
  const headers = { 'content-type': 'application/json' }
  const until = performance.now() + 8000
  let answered = 0
  const client = async () => {
    while (performance.now() < until) {
      await (await fetch(`${server.url}/empty`, { method: 'POST', headers, body: '{"n":1}' })).text()
      answered += 1
    }
  }
  await Promise.all(Array.from({ length: 20 }, client))
  const lag = (await (await fetch(`${server.url}/lag`, { method: 'POST', headers, body: '{}' })).json()) as {
    task_id: string
  }
  const task = (await (await fetch(`${server.url}/api/tasks/${lag.task_id}?wait=30`)).json()) as {
    task_id: string
  }
  let result: { p99: number } | undefined
  while (result === undefined) {
    const found = (await (await fetch(`${server.url}/api/tasks/${task.task_id}`)).json()) as {
      result: typeof result
    }
    result = found.result ?? undefined
    await sleep(200)
  }
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
  return { p99: result.p99, posts: answered }
}
