import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { residentMegabytes, startServer, stopServer } from './server-process.ts'
import { completedTask, submitTask } from './replies.ts'
import { quantile } from './support.ts'

const CLIENTS = 1000
const IDLE_SOCKETS = 10_000
const MEASURED_MS = 6000
const WORKERS = 4
/** Slow ones are cut off after ten seconds, looked at once a second. */
const GIVE_UP_MS = 25_000

export interface SlowResult {
  readonly name: string
  /** p99 of a POST by ordinary clients, ms. */
  readonly before: number
  readonly during: number
  readonly closed: number
}

/** Clients that send headers or bodies drop by drop, or do not take their reply, beside ordinary ones. */
export async function slowClients(): Promise<SlowResult[]> {
  const results: SlowResult[] = []
  for (const name of ['header', 'body', 'reader']) {
    // The big result has to outlive the posts of the measurement.
    const { process: server, port } = await startServer('headgate', { KEEP_FINISHED_TASKS: '1000000' })
    const id = await finishedBig(port)
    await postP99(port)
    const before = await postP99(port)
    const crowd = startCrowd(port, name, CLIENTS, id)
    const during = await postP99(port)
    const left = await leftOf(server.pid ?? 0)
    results.push({ name, before, during, closed: CLIENTS - left })
    await stopServer(crowd)
    await stopServer(server)
  }
  return results
}

/** What ten thousand WebSockets that hear nothing cost. */
export async function idleSockets(): Promise<{ megabytes: number; open: number; postP99: number }> {
  const { process: server, port } = await startServer('headgate')
  const id = await submit(port, 'held')
  await postP99(port)
  const before = residentMegabytes(server.pid ?? 0)
  const crowd = startCrowd(port, 'websocket', IDLE_SOCKETS, id)
  let open = 0
  while (open < IDLE_SOCKETS) [open] = (await once(crowd, 'message')) as [number]
  // The upgrades settle.
  await new Promise((resolve) => setTimeout(resolve, 3000))
  const megabytes = residentMegabytes(server.pid ?? 0) - before
  const p99 = await postP99(port)
  await stopServer(crowd)
  await stopServer(server)
  return { megabytes, open, postP99: p99 }
}

function startCrowd(port: number, kind: string, count: number, id: string): ChildProcess {
  const script = fileURLToPath(new URL('crowd.ts', import.meta.url))
  return fork(script, [`${port}`, kind, `${count}`, id])
}

/** Connections that the server still holds, by its own open files, once they are few or time is up. */
async function leftOf(pid: number): Promise<number> {
  const files = () => readdirSync(`/proc/${pid}/fd`).length
  const until = performance.now() + GIVE_UP_MS
  // A server without clients has fewer files open than this.
  const RESTING = 60
  while (files() > RESTING && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 250))
  return Math.max(0, files() - RESTING)
}

function submit(port: number, type: string): Promise<string> {
  return submitTask(`http://127.0.0.1:${port}`, type)
}

async function finishedBig(port: number): Promise<string> {
  const id = await submit(port, 'big')
  await completedTask(`http://127.0.0.1:${port}`, id)
  return id
}

/** A few clients that post one after the other, for a while. */
async function postP99(port: number): Promise<number> {
  const times: number[] = []
  const until = performance.now() + MEASURED_MS
  const worker = async () => {
    while (performance.now() < until) {
      const startedAt = performance.now()
      await submitTask(`http://127.0.0.1:${port}`, 'empty', { n: 1 })
      times.push(performance.now() - startedAt)
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, worker))
  return quantile(times, 0.99)
}
