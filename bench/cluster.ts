import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PgBoss } from 'pg-boss'
import { expectStatus } from './replies.ts'

/**
 * `DATABASE_URL=postgres://…/empty npm run cluster`: tasks over PostgreSQL beside plain pg-boss on the same database, in
 * turn. A web process and a worker run as they do in production, and each task is submitted over HTTP; pg-boss is called
 * in this process. Every reply is checked, and so is the number of tasks that have completed.
 */

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TASKS = Number(process.env['TASKS'] ?? 3000)
const AT_ONCE = 32
const url = process.env['DATABASE_URL']
if (url === undefined) throw new Error('DATABASE_URL: the address of an empty database')

const folder = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
const file = join(folder, 'tasks.ts')
writeFileSync(
  file,
  `import { z } from '${ROOT}node_modules/zod/index.js'
import { defineTask } from '${ROOT}src/index.ts'
export default defineTask({ type: 'echo', input: z.object({ n: z.number() }), run: ({ n }) => ({ n }) })`,
)

async function startProcess(
  role: 'web' | 'worker',
  slots: number,
): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const env = {
    ...process.env,
    ROLE: role,
    PORT: '0',
    WORKER_NAME: `${role} ${slots}`,
    DATA_DIR: join(folder, `${role}-${slots}`),
    TASKS_FILE: file,
    BUILTIN_TASKS: 'none',
    LOG_LEVEL: 'info',
    RATE_LIMIT_PER_MINUTE: '0',
    ANALYSIS_QUEUE_MAX_SIZE: '1000000',
    MAX_CONCURRENT_ANALYSIS_TASKS: `${slots}`,
  }
  const args = ['--conditions=headgate-source', 'src/main.ts']
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const address = await new Promise<string>((resolve) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const line = output.split('\n').find((each) => /headgate is (?:listening|working)/.test(each))
      if (line !== undefined) resolve((JSON.parse(line) as { url: string | null }).url ?? '')
    })
  })
  return { child, url: address }
}

async function stop({ child }: { readonly child: ChildProcess }): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exited
}

/** Runs `work` for each number, some at once; the reply is how many a second. */
async function rate(count: number, work: (n: number) => Promise<void>, atOnce = AT_ONCE): Promise<number> {
  const startedAt = performance.now()
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return (count / (performance.now() - startedAt)) * 1000
}

async function benchHeadgate(slots: number) {
  const web = await startProcess('web', slots)
  const read = async () =>
    (await (await expectStatus(await fetch(`${web.url}/api/queue/stats`), 200)).json()) as {
      total_success: number
    }
  const before = (await read()).total_success
  const submits = await rate(TASKS, async (n) => {
    const headers = { 'content-type': 'application/json' }
    const init = { method: 'POST', headers, body: JSON.stringify({ n }) }
    await (await expectStatus(await fetch(`${web.url}/echo`, init), 202)).arrayBuffer()
  })
  const startedAt = performance.now()
  const worker = await startProcess('worker', slots)
  const runningAt = performance.now()
  while ((await read()).total_success < before + TASKS)
    await new Promise((resolve) => setTimeout(resolve, 20))
  const runs = (TASKS / (performance.now() - runningAt)) * 1000
  await stop(worker)
  await stop(web)
  return { submits, runs, startMs: runningAt - startedAt }
}

async function benchPgBoss(slots: number) {
  const boss = new PgBoss({ connectionString: url ?? '', schema: 'plain', max: 4 })
  boss.on('error', console.error)
  await boss.start()
  await boss.createQueue('echo')
  const submits = await rate(TASKS, async (n) => {
    if ((await boss.send('echo', { n })) === null) throw new Error('a job was not sent')
  })
  let done = 0
  const startedAt = performance.now()
  const take = async () => {
    for (;;) {
      const jobs = await boss.fetch<{ n: number }>('echo', { batchSize: slots })
      if (jobs.length === 0) return
      await boss.complete(
        'echo',
        jobs.map(({ id }) => id),
        {},
      )
      done += jobs.length
    }
  }
  await take()
  const runs = (TASKS / (performance.now() - startedAt)) * 1000
  if (done !== TASKS) throw new Error(`${done} of ${TASKS} jobs were completed`)
  await boss.stop({ graceful: false })
  return { submits, runs, startMs: 0 }
}

console.log(`${TASKS} tasks; submits a second with ${AT_ONCE} at once, runs a second of what waits`)
for (const slots of [3, 25]) {
  const [plain, ours] = [await benchPgBoss(slots), await benchHeadgate(slots)]
  for (const [name, { submits, runs }] of Object.entries({ 'pg-boss': plain, headgate: ours })) {
    console.log(
      `${slots} slots  ${name.padEnd(9)} submits ${submits.toFixed(0).padStart(5)}  runs ${runs.toFixed(0).padStart(5)}`,
    )
  }
  const ratio = (a: number, b: number) => (a / b).toFixed(2)
  console.log(
    `${slots} slots  ratio     submits ${ratio(ours.submits, plain.submits).padStart(5)}  runs ${ratio(ours.runs, plain.runs).padStart(5)}`,
  )
}
