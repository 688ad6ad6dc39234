import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { poolerSettings } from './pgbouncer.ts'
import { spawnBound } from './spawn.ts'

export { freePort, spawnBound } from './spawn.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What every process that a test starts gets: where programs are, and compiled code that all of them share. */
export const PROCESS_ENV = {
  PATH: process.env['PATH'],
  NODE_COMPILE_CACHE: join(tmpdir(), `headgate-compile-cache-${process.getuid?.() ?? 0}`),
}

interface LogLine {
  readonly msg: string
  readonly url?: string
}

/** A line of the log; of one that is not JSON only its address. */
function toLine(text: string): LogLine {
  if (text.startsWith('{')) return JSON.parse(text) as LogLine
  const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? []
  return { msg: text, ...(url === undefined ? {} : { url }) }
}

/**
 * The real process on a free port, as an operator starts it.
 * @param main another build of it
 */
export async function startProcess(env: Record<string, string> = {}, main = 'src/main.ts') {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-process-'))
  const { databaseListenUrl, isPreparing } = poolerSettings(env['DATABASE_URL'] ?? '')
  const behindPooler =
    databaseListenUrl === undefined
      ? {}
      : { DATABASE_LISTEN_URL: databaseListenUrl, DATABASE_PREPARE: `${isPreparing}` }
  const child = spawnBound(process.execPath, ['--conditions=headgate-source', main], {
    cwd: ROOT,
    env: { ...PROCESS_ENV, PORT: '0', DATA_DIR: dataDir, ...behindPooler, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: LogLine[] = []
  let stderr = ''
  let stdout = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
    await rm(dataDir, { recursive: true, force: true })
  })
  const url = await new Promise<string | undefined>((resolve) => {
    let rest = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      const parts = (rest + chunk.toString()).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) {
        const line = toLine(part)
        lines.push(line)
        if (line.url !== undefined) resolve(line.url)
      }
    })
    void exited.then(() => resolve(undefined))
  })
  /** Sends a signal and waits for the end: the exit code and how long it took, ms. */
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    const startedAt = performance.now()
    child.kill(signal)
    const code = await exited
    return { code, ms: performance.now() - startedAt }
  }
  const messages = () => lines.map((line) => line.msg)
  return { url: url ?? '', child, exited, end, messages, stdout: () => stdout, stderr: () => stderr, dataDir }
}

export async function postTask(url: string, type: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/${type}`, { method: 'POST', headers, body: '{}' })
  return ((await response.json()) as { task_id: string }).task_id
}
