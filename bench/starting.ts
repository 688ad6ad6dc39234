import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildServer } from './built-server.ts'
import { cpuOf } from './cpu.ts'
import { residentMegabytes } from './server-process.ts'
import { median } from './support.ts'

const ROUNDS = 5
const REST_MS = 3000

export interface Starting {
  /** Until it listens, s. */
  readonly wall: number
  /** Processor time until it listens, s. */
  readonly cpu: number
  /** MB, at rest. */
  readonly resident: number
}

/** How the built server starts over a journal that is there, its compiled code kept from a start before; medians. */
export async function startingBench(): Promise<Starting> {
  const program = buildServer()
  const folder = mkdtempSync(join(tmpdir(), 'headgate-bench-'))
  const starts: Starting[] = []
  // The first one compiles.
  for (let round = 0; round <= ROUNDS; round += 1) starts.push(await startOnce(program, folder))
  rmSync(folder, { recursive: true, force: true })
  const of = (figure: keyof Starting) => median(starts.slice(1).map((start) => start[figure]))
  return { wall: of('wall'), cpu: of('cpu'), resident: of('resident') }
}

async function startOnce(program: string, folder: string): Promise<Starting> {
  const startedAt = performance.now()
  const env = { PATH: process.env['PATH'], PORT: '0', DATA_DIR: join(folder, 'data') }
  const child = spawn(process.execPath, [program, 'serve'], {
    cwd: folder,
    env: { ...env, NODE_COMPILE_CACHE: join(folder, 'cache') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  await new Promise<void>((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('headgate is listening')) resolve()
    })
    child.once('exit', () => reject(new Error(`the server ended: ${output}`)))
  })
  const wall = (performance.now() - startedAt) / 1000
  const cpu = cpuOf(child.pid) / 1000
  await sleep(REST_MS)
  const resident = residentMegabytes(child.pid ?? 0)
  child.kill('SIGTERM')
  await exited
  return { wall, cpu, resident }
}
