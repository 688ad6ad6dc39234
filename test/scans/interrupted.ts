import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { PROCESS_ENV, spawnBound } from '../support/process.ts'

const MB = 1024 * 1024
const CAP_MB = 768
const SAMPLE_MS = 250

interface Interrupted {
  readonly status: string
  readonly pages: number
  /** Pages whose recognition began twice. */
  readonly repeated: number
  /** By how much the event loop of the server was late, ms. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** The most that a reading process held, as a share of its cap. */
  readonly memoryShare: number
  readonly seconds: number
}

/** Sends a scan to a real server, ends that by SIGKILL in the middle, and starts it again. */
export async function recogniseInterrupted(pdf: Uint8Array, pages: number, folder: string) {
  const startedAt = performance.now()
  let peakBytes = 0
  const first = await start(folder)
  const form = new FormData()
  form.append('file', new Blob([Uint8Array.from(pdf)]), 'scan.pdf')
  const reply = await fetch(`${first.url}/analyze-pdf?engine=extractive`, { method: 'POST', body: form })
  const { task_id: id } = (await reply.json()) as { task_id: string }
  const sampler = setInterval(() => void peakOf([first.pid, second?.pid]).then(keep), SAMPLE_MS)
  const keep = (bytes: number) => (peakBytes = Math.max(peakBytes, bytes))
  let second: Server | null = null
  await readUntil(`${first.url}/api/tasks/${id}/stream`, `Recognising page ${Math.floor(pages / 2)}:`)
  await first.end('SIGKILL')
  second = await start(folder)
  const events = await readUntil(`${second.url}/api/tasks/${id}/stream`, null)
  const task = await (await fetch(`${second.url}/api/tasks/${id}`)).json()
  clearInterval(sampler)
  await second.end('SIGTERM')
  const counts = new Map<string, number>()
  for (const [, page = ''] of events.matchAll(/"type":"progress"[^\n]*Recognising page (\d+):/g)) {
    counts.set(page, (counts.get(page) ?? 0) + 1)
  }
  const delay = JSON.parse(readFileSync(delayFile(folder), 'utf8')) as Interrupted['loopDelayMs']
  return {
    status: (task as { status: string }).status,
    pages: counts.size,
    repeated: [...counts.values()].filter((count) => count > 1).length,
    loopDelayMs: delay,
    memoryShare: peakBytes / MB / CAP_MB,
    seconds: (performance.now() - startedAt) / 1000,
  } satisfies Interrupted
}

interface Server {
  readonly url: string
  readonly pid: number | undefined
  end(signal: NodeJS.Signals): Promise<unknown>
}

function delayFile(folder: string): string {
  return join(folder, 'loop-delay.json')
}

/** A module that the server loads before its own: it writes how late the event loop was when the process exits. */
function measuringModule(folder: string): string {
  const path = join(folder, 'measure.mjs')
  writeFileSync(
    path,
    `import { monitorEventLoopDelay } from 'node:perf_hooks'
import { writeFileSync } from 'node:fs'
const delay = monitorEventLoopDelay({ resolution: 10 })
setTimeout(() => delay.enable(), 3000).unref()
process.on('exit', () => {
  const ms = (value) => value / 1e6 - 10
  const figures = { p50: ms(delay.percentile(50)), p99: ms(delay.percentile(99)), max: ms(delay.max) }
  writeFileSync(${JSON.stringify(delayFile(folder))}, JSON.stringify(figures))
})`,
  )
  return path
}

async function start(folder: string): Promise<Server> {
  const env = { ...PROCESS_ENV, PORT: '0', DATA_DIR: join(folder, 'data'), PARSER_MEMORY_MB: String(CAP_MB) }
  const args = ['--import', measuringModule(folder), '--conditions=headgate-source', 'src/main.ts']
  const server = spawnBound(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(server, 'exit')
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  void exited.then(() => reject(new Error('the server did not start')))
  createInterface({ input: server.stdout }).on('line', (line) => {
    const { url } = line.startsWith('{') ? (JSON.parse(line) as { url?: string }) : {}
    if (url !== undefined) resolve(url)
  })
  const end = (signal: NodeJS.Signals) => {
    server.kill(signal)
    return exited
  }
  return { url: await promise, pid: server.pid, end }
}

/** Reads a stream up to a text, or to its end. */
async function readUntil(url: string, text: string | null): Promise<string> {
  let all = ''
  const decoder = new TextDecoder()
  for await (const chunk of (await fetch(url)).body ?? []) {
    all += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text !== null && all.includes(text)) break
  }
  return all
}

/** What the largest of the processes below the servers holds. */
async function peakOf(servers: readonly (number | undefined)[]): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'ppid,rss'])
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  const held = rows
    .filter(([parent]) => servers.includes(parent))
    .map(([, kilobytes = 0]) => kilobytes * 1024)
  return Math.max(0, ...held)
}
