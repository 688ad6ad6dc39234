import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A server of http-server.ts in a process of its own. */
export async function startServer(kind: 'bare' | 'headgate' | 'bullmq', env: Record<string, string> = {}) {
  const script = fileURLToPath(new URL('http-server.ts', import.meta.url))
  const child = fork(script, [kind], { env: { ...process.env, ...env } })
  const [port] = (await once(child, 'message')) as [number]
  return { process: child, port }
}

export async function stopServer(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.disconnect()
  await exited
}

/** What a process holds in memory, MB (Linux). */
export function residentMegabytes(pid: number): number {
  return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 1024 / 1024
}
