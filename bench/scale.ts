import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { completedTask, expectStatus, getJson, submitTask } from './replies.ts'
import { fillJournal, idOf, type Filling } from '../test/support/fill-journal.ts'
import { buildServer } from './built-server.ts'
import { openJournalIn } from './durable.ts'
import { listBench } from './lists.ts'
import { median, quantile } from './support.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Compiled code of the server, kept from one start to the next. */
const CACHE = join(tmpdir(), `headgate-scale-cache-${process.pid}`)
process.once('exit', () => rmSync(CACHE, { recursive: true, force: true }))
const HOUR = 3_600_000
const MILLION = 1_000_000
/** Of them, how many have been kept long enough. */
const OLD = 100_000
const POSTS_PER_SECOND = 100

interface Running {
  readonly url: string
  readonly seconds: number
  stop(): Promise<void>
}

/** The built server in a process of its own, and how long it took from its start until it was ready. */
async function start(
  dataDir: string,
  env: Record<string, string> = {},
  wrapper: readonly string[] = [],
): Promise<Running> {
  const [command, ...args] = [...wrapper, process.execPath, buildServer(), 'serve'] as [string, ...string[]]
  const startedAt = performance.now()
  const child = spawn(command, args, {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATA_DIR: dataDir,
      RATE_LIMIT_PER_MINUTE: '0',
      NODE_COMPILE_CACHE: CACHE,
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

/** A folder whose journal was filled by the writer of the product, removed after `use`. */
async function withJournal<Value>(filling: Filling, use: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-scale-'))
  try {
    const journal = await openJournalIn(folder)
    await fillJournal(journal, filling)
    await journal[Symbol.asyncDispose]()
    // Or the system writes it back while the server is measured.
    spawnSync('sync')
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Seconds from the start of the process until it is ready: the median of three starts, after one that compiles. */
export function startWithQueued(count: number): Promise<number> {
  return withJournal({ count, endedAt: () => null }, async (folder) => {
    const seconds: number[] = []
    for (let round = 0; round <= 3; round += 1) {
      const server = await start(folder, { MAX_CONCURRENT_ANALYSIS_TASKS: '0' })
      const stats = await getJson<{ queue_size: number }>(`${server.url}/api/queue/stats`)
      if (stats.queue_size !== count) throw new Error(`${stats.queue_size} of ${count} tasks recovered`)
      seconds.push(server.seconds)
      await server.stop()
    }
    return median(seconds.slice(1))
  })
}

/** Latencies with a large journal, ms. */
export async function millionFinished() {
  const now = Date.now()
  const emptyPostP99 = await withJournal({ count: 0, endedAt: () => null }, async (folder) => {
    const server = await start(folder)
    await posts(server.url, 3)
    const p99 = await posts(server.url, 10)
    await server.stop()
    return p99
  })
  const endedAt = (n: number) => (n < OLD ? now - 48 * HOUR : now - (MILLION - n))
  return withJournal({ count: MILLION, endedAt }, async (folder) => {
    const server = await start(folder)
    await posts(server.url, 3)
    const postP99 = await posts(server.url, 10)
    const listP99s = await listBench(server.url, MILLION)
    await server.stop()
    const pruning = await start(folder, { RESULT_RETENTION_HOURS: '24', EVENT_RETENTION_HOURS: '24' })
    const startedAt = performance.now()
    // As the other rows: what a new process is slow with is no work of the retention.
    await posts(pruning.url, 3)
    const pruningP99 = await posts(pruning.url, 10)
    let isDone = false
    while (!isDone) {
      await sleep(500)
      const found = await fetch(`${pruning.url}/api/tasks/${idOf(OLD - 1)}`)
      isDone = (await expectStatus(found, 200, 410)).status === 410
      await found.text()
    }
    const pruningSeconds = (performance.now() - startedAt) / 1000
    await pruning.stop()
    return { emptyPostP99, postP99, listP99s, pruningP99, pruningSeconds }
  })
}

const CLIENTS = 32
const CLIENT_SECONDS = 10

/**
 * How late the event loop is, p99 in ms, while 32 clients list tasks, read the last one and submit, with 100 000 waiting
 * tasks (10 000 of 1000 callers where callers take turns); by the server's own metric.
 */
export async function lagBesideClients(order: 'strict' | 'head start' | 'turns'): Promise<number> {
  const [count, callers] = order === 'turns' ? [10_000, 1000] : [100_000, 20]
  const settings = {
    strict: {},
    'head start': { PRIORITY_HEADSTART_SECONDS: '600' },
    turns: { FAIR_CALLERS: 'true' },
  }[order]
  return withJournal({ count, callers, endedAt: () => null }, async (folder) => {
    const server = await start(folder, { MAX_CONCURRENT_ANALYSIS_TASKS: '0', ...settings })
    const last = idOf(count - 1)
    const deeds = [
      () => getJson<{ tasks: unknown[] }>(`${server.url}/api/tasks?limit=100`),
      () => getJson<{ tasks: unknown[] }>(`${server.url}/api/tasks?limit=100&status=queued`),
      () => getJson<{ status: string }>(`${server.url}/api/tasks/${last}`),
      () => submitTask(server.url, 'empty', { n: 1 }),
    ]
    const client = async (index: number, until: number) => {
      for (let n = index; performance.now() < until; n += 1) {
        const reply = await deeds[n % deeds.length]?.()
        if (typeof reply !== 'object') continue
        const isRight = 'tasks' in reply ? reply.tasks.length === 100 : reply.status === 'queued'
        if (!isRight) throw new Error('the reply is not right')
      }
    }
    const crowd = (seconds: number) =>
      Promise.all(
        Array.from({ length: CLIENTS }, (_, index) => client(index, performance.now() + seconds * 1000)),
      )
    await crowd(3)
    await lagOf(server.url)
    await crowd(CLIENT_SECONDS)
    const lag = await lagOf(server.url)
    await server.stop()
    return lag
  })
}

/** p99 since it was last asked, ms. */
async function lagOf(url: string): Promise<number> {
  const metrics = await (await expectStatus(await fetch(`${url}/metrics`), 200)).text()
  return 1000 * Number(/^headgate_event_loop_lag_seconds (.*)$/m.exec(metrics)?.[1])
}

const LARGE_TASKS = 300
const LARGE_CHARS = 2_000_000
const LARGE_AT_ONCE = 3

/** p99 of small POSTs, ms: alone, and while tasks of 2 MB go in and out, under which the log is checkpointed. */
export async function postsBesideLargeTasks(): Promise<{ alone: number; beside: number; seconds: number }> {
  return withJournal({ count: 0, endedAt: () => null }, async (folder) => {
    const server = await start(folder, { MAX_BODY_MB: '4' })
    await posts(server.url, 3)
    const alone = await posts(server.url, 10)
    const text = 'x'.repeat(LARGE_CHARS)
    const open = { count: LARGE_TASKS }
    const client = async () => {
      while (open.count > 0) {
        open.count -= 1
        const result = await completedTask(server.url, await submitTask(server.url, 'copy', { text }))
        if (result !== text) throw new Error('the result is not the text that was sent')
      }
    }
    const startedAt = performance.now()
    const large = Promise.all(Array.from({ length: LARGE_AT_ONCE }, client)).then(
      () => (performance.now() - startedAt) / 1000,
    )
    const took: number[] = []
    while (open.count > 0) took.push(...(await postTimes(server.url, 1)))
    const seconds = await large
    await server.stop()
    return { alone, beside: quantile(took, 0.99), seconds }
  })
}

/** POSTs at a steady pace, whatever the replies take; p99 in ms. */
async function posts(url: string, seconds: number): Promise<number> {
  return quantile(await postTimes(url, seconds), 0.99)
}

async function postTimes(url: string, seconds: number): Promise<number[]> {
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
  return took
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
