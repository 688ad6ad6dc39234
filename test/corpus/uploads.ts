import { PROCESS_ENV } from '../support/process.ts'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openAsBlob } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Ends {
  /** How many tasks ended so: `completed`, or the `error_type`. */
  readonly byName: ReadonlyMap<string, number>
  readonly slowestMs: number
  readonly isAlive: boolean
}

const AT_ONCE = 3
const WAIT_SECONDS = 30

/** Sends every file to a server of its own, as a user would, and waits for the end of each task. */
export async function uploadAll(paths: readonly string[], route: string): Promise<Ends> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headgate-corpus-'))
  const env = {
    ...PROCESS_ENV,
    PORT: '0',
    JOURNAL: 'memory',
    DATA_DIR: dataDir,
    RATE_LIMIT_PER_MINUTE: '0',
  }
  const server = spawn(process.execPath, ['--conditions=headgate-source', 'src/main.ts'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(server, 'exit')
  try {
    const url = await loadAddress(server.stdout)
    const byName = new Map<string, number>()
    let slowestMs = 0
    const left = [...paths]
    const work = async () => {
      for (let path = left.shift(); path !== undefined; path = left.shift()) {
        const startedAt = performance.now()
        const name = await endOf(url, route, path)
        slowestMs = Math.max(slowestMs, performance.now() - startedAt)
        byName.set(name, (byName.get(name) ?? 0) + 1)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    const isAlive = (await fetch(`${url}/health/ready`)).ok
    return { byName, slowestMs, isAlive }
  } finally {
    server.kill()
    await exited
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function loadAddress(lines: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: lines })) {
    const { msg, url } = JSON.parse(line) as { msg: string; url?: string }
    if (msg === 'headgate is listening' && url !== undefined) {
      lines.resume()
      return url
    }
  }
  throw new Error('The server did not start.')
}

async function endOf(url: string, route: string, path: string): Promise<string> {
  const form = new FormData()
  form.append('file', await openAsBlob(path), basename(path))
  const response = await fetch(`${url}${route}?engine=extractive`, { method: 'POST', body: form })
  const { task_id: id, error_type: refusal } = (await response.json()) as {
    task_id?: string
    error_type?: string
  }
  if (id === undefined) return `refused: ${refusal ?? response.status}`
  for (;;) {
    const reply = await fetch(`${url}/api/tasks/${id}?wait=${WAIT_SECONDS}`)
    const task = (await reply.json()) as {
      done: boolean
      status: string
      error: { error_type: string } | null
    }
    if (task.done) return task.error?.error_type ?? task.status
  }
}
