import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expectStatus, submitTask } from './replies.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

export interface StopResult {
  readonly name: string
  readonly seconds: number
  readonly code: number | null
}

/** How long the real process takes to stop: idle, with 250 readers and obedient tasks, with stuck ones. */
export async function stopBench(): Promise<StopResult[]> {
  return [
    await stop('idle', {}, null),
    await stop(
      '200 WebSockets, 50 event streams, 3 obedient tasks, after the abort',
      { STOP_WAIT_SECONDS: '0' },
      'obedient',
    ),
    await stop('3 unresponsive tasks, defaults (20 s wait, 5 s grace)', {}, 'stuck'),
  ]
}

async function stop(name: string, env: Record<string, string>, type: string | null): Promise<StopResult> {
  const dataDir = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  const child = spawn(process.execPath, ['--conditions=headgate-source', 'src/main.ts'], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      PORT: '0',
      DATA_DIR: dataDir,
      TASKS_FILE: 'test/support/stop-tasks.ts',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      const found = /"url":"([^"]+)"/.exec(chunk.toString())?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  if (type !== null) await occupy(url, type)
  const startedAt = performance.now()
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number | null]
  const seconds = (performance.now() - startedAt) / 1000
  rmSync(dataDir, { recursive: true, force: true })
  return { name, seconds, code }
}

async function occupy(url: string, type: string): Promise<void> {
  const ids = await Promise.all([1, 2, 3].map(() => submitTask(url, type)))
  if (type === 'stuck') return
  const sockets = Array.from(
    { length: 200 },
    () => new WebSocket(`${url.replace('http', 'ws')}/ws/${ids[0]}`),
  )
  await Promise.all(sockets.map((socket) => once(socket, 'message')))
  await Promise.all(
    Array.from({ length: 50 }, async () =>
      expectStatus(await fetch(`${url}/api/tasks/${ids[0]}/stream`), 200),
    ),
  )
}
