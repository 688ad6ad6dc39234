import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { PROCESS_ENV, ROOT, spawnBound } from '../support/process.ts'

interface LogLine {
  readonly time: number
  readonly msg: string
  readonly url?: string
  readonly taskId?: string
}

export interface Started {
  readonly url: string
  readonly child: ChildProcess
  readonly lines: readonly LogLine[]
  readonly exited: Promise<unknown>
}

/** A server that is killed and started again over one folder. */
export async function createVictim(env: Record<string, string> = {}, main = 'src/main.ts') {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-kill-'))
  const deedsFile = join(folder, 'deeds')
  let current: Started | null = null
  onTestFinished(async () => {
    current?.child.kill('SIGKILL')
    await current?.exited
    await rm(folder, { recursive: true, force: true })
  })

  const start = async (
    more: Record<string, string> = {},
    flags: readonly string[] = [],
  ): Promise<Started> => {
    const child = spawnBound(process.execPath, ['--conditions=headgate-source', ...flags, main], {
      cwd: ROOT,
      env: {
        ...PROCESS_ENV,
        PORT: '0',
        DATA_DIR: join(folder, 'data'),
        DEEDS_FILE: deedsFile,
        TASKS_FILE: 'test/kill/tasks.ts',
        DISK_RESERVE_MB: '0',
        WATCHDOG_SECONDS: '0',
        ...env,
        ...more,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines: LogLine[] = []
    const exited = once(child, 'exit')
    const listening = Promise.withResolvers<string>()
    let rest = ''
    child.stdout.on('data', (chunk: Buffer) => {
      const parts = (rest + chunk.toString()).split('\n')
      rest = parts.pop() ?? ''
      for (const part of parts) {
        const line = JSON.parse(part) as LogLine
        lines.push(line)
        if (line.msg === 'headgate is listening') listening.resolve(line.url ?? '')
      }
    })
    // One that dies while it starts has no address.
    void exited.then(() => listening.resolve(''))
    const url = await listening.promise
    current = { url, child, lines, exited }
    return current
  }
  const kill = async ({ child, exited }: Started) => {
    child.kill('SIGKILL')
    await exited
  }
  /** Reads the journal of a server that has stopped. */
  const query = (sql: string) => {
    const db = new DatabaseSync(join(folder, 'data', 'journal.db'), { readOnly: true })
    const rows = db.prepare(sql).all()
    db.close()
    return rows as Record<string, string | number | null>[]
  }
  const deeds = () => (existsSync(deedsFile) ? readFileSync(deedsFile, 'utf8').trim().split('\n') : [])
  return { folder, start, kill, query, deeds }
}

/** Waits until nothing waits or runs, and every end is committed. */
export async function whenAllEnded(url: string): Promise<void> {
  const countOf = async (status: string) => {
    const page = (await (await fetch(`${url}/api/tasks?limit=1&status=${status}`)).json()) as { tasks: [] }
    return page.tasks.length
  }
  for (;;) {
    if ((await countOf('queued')) + (await countOf('running')) === 0) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
