import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { spawnBound } from '../../test/support/spawn.ts'
import { getJson } from '../replies.ts'
import { AT_ONCE, inLanes, until, type Contender } from './contender.ts'
import { cpuOf, cpuOfTree, parentOf } from '../cpu.ts'
import { HttpLane } from './http-lane.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TASK = `import { z } from '${ROOT}node_modules/zod/index.js'
import { defineTask } from '${ROOT}src/index.ts'
export default defineTask({ type: 'echo', input: z.object({ n: z.number() }), run: ({ n }) => ({ n }) })`
/** Results that are read at the end of a run. */
const READ_AGAIN = 20

export interface Members {
  readonly databaseUrl: string
  readonly workers: number
  /** Of each worker. */
  readonly slots: number
}

export interface HeadgateContender extends Contender {
  readonly url: string
  /** The ids of the tasks, with their inputs. */
  readonly submit: (tasks: number) => Promise<ReadonlyMap<string, number>>
  /** Of all tasks. */
  readonly countCompleted: () => Promise<number>
}

/** A web process and workers over PostgreSQL, as in production; each task is submitted over HTTP. */
export async function startHeadgate({ databaseUrl, workers, slots }: Members): Promise<HeadgateContender> {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  writeFileSync(join(folder, 'tasks.ts'), TASK)
  const start = (role: 'web' | 'worker', name: string) =>
    startProcess({
      ROLE: role,
      WORKER_NAME: name,
      DATA_DIR: join(folder, name),
      TASKS_FILE: join(folder, 'tasks.ts'),
      DATABASE_URL: databaseUrl,
      MAX_CONCURRENT_ANALYSIS_TASKS: `${slots}`,
    })
  const web = await start('web', 'web')
  const running = await Promise.all(
    Array.from({ length: workers }, (_, index) => start('worker', `worker-${index}`)),
  )
  const db = new Client(databaseUrl)
  await db.connect()
  const server = parentOf(
    (await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid ?? 0,
  )
  const lanes = Array.from({ length: AT_ONCE }, () => new HttpLane(web.url))
  return {
    name: 'headgate',
    run: (tasks) => run({ tasks, db, lanes, url: web.url }),
    url: web.url,
    submit: (tasks) => submit(tasks, lanes),
    countCompleted: () => countCompleted(db),
    cpu: () => ({
      database: cpuOfTree(server),
      workers: running.reduce((sum, { child }) => sum + cpuOf(child.pid), 0),
      submits: cpuOf(web.child.pid),
    }),
    stop: async () => {
      for (const lane of lanes) lane.close()
      await db.end()
      await Promise.all([web, ...running].map(({ child }) => stopProcess(child)))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface Submits {
  readonly tasks: number
  readonly db: Client
  readonly lanes: readonly HttpLane[]
  readonly url: string
}

async function run({ tasks, db, lanes, url }: Submits): Promise<void> {
  const before = await countCompleted(db)
  const ids = await submit(tasks, lanes)
  // The page of numbers is for people, and costs what it reads.
  await until(async () => (await countCompleted(db)) >= before + tasks, `${tasks} tasks`)
  const all = [...ids]
  for (let at = 0; at < all.length; at += Math.ceil(all.length / READ_AGAIN)) {
    const [id, n] = all[at] ?? ['', 0]
    const { status, result } = await getJson<{ status: string; result: unknown }>(`${url}/api/tasks/${id}`)
    if (status === 'completed' && JSON.stringify(result) === JSON.stringify({ n })) continue
    throw new Error(`task ${id} of ${n}: ${status}, ${JSON.stringify(result)}`)
  }
}

async function submit(tasks: number, lanes: readonly HttpLane[]): Promise<ReadonlyMap<string, number>> {
  const ids = new Map<string, number>()
  await inLanes(tasks, async (n, lane) => {
    const reply = await lanes[lane]?.post('/echo', JSON.stringify({ n }), 202)
    ids.set((JSON.parse(reply ?? '') as { task_id: string }).task_id, n)
  })
  if (ids.size !== tasks) throw new Error(`${ids.size} of ${tasks} tasks have an id of their own`)
  return ids
}

async function countCompleted(db: Client): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `SELECT coalesce(sum(count), 0)::integer AS count FROM headgate.counters WHERE name = 'completed'`,
  )
  return rows[0]?.count ?? 0
}

interface Process {
  readonly child: ChildProcess
  readonly url: string
}

async function startProcess(settings: Readonly<Record<string, string>>): Promise<Process> {
  const env = {
    ...process.env,
    PORT: '0',
    BUILTIN_TASKS: 'none',
    RATE_LIMIT_PER_MINUTE: '0',
    ANALYSIS_QUEUE_MAX_SIZE: '1000000',
    ...settings,
  }
  const args = ['--conditions=headgate-source', 'src/main.ts']
  const child = spawnBound(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const url = await new Promise<string>((resolve, reject) => {
    let output = ''
    const look = (chunk: Buffer) => {
      output += chunk.toString()
      const line = output.split('\n').find((each) => /headgate is (?:listening|working)/.test(each))
      if (line === undefined) return
      child.stdout.off('data', look)
      child.stdout.resume()
      resolve((JSON.parse(line) as { url: string | null }).url ?? '')
    }
    child.stdout.on('data', look)
    child.once('exit', () => reject(new Error(`a process ended at its start: ${output}`)))
  })
  return { child, url }
}

async function stopProcess(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
}
