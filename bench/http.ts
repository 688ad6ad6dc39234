import autocannon from 'autocannon'
import type { ChildProcess } from 'node:child_process'
import { startServer, stopServer } from './server-process.ts'

const ROUNDS = 7
const ROUND_SECONDS = 3
const WARM_UP_SECONDS = 6
const CONNECTIONS = 50

/** A server to be measured: which, and its settings. */
export interface Contender {
  readonly kind: 'bare' | 'headgate' | 'bullmq'
  readonly env?: Record<string, string>
}

/**
 * `POST` of a JSON task: the contenders in turn, so that a drift of the machine's speed meets all of them.
 *
 * @returns requests per second, by contender, round by round
 */
export async function httpBench(contenders: readonly Contender[]): Promise<number[][]> {
  const servers = await Promise.all(contenders.map((contender) => start(contender)))
  for (const server of servers) await alone(server, () => load(server, WARM_UP_SECONDS))
  const results: number[][] = servers.map(() => [])
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, server] of servers.entries()) {
      results[index]?.push(await alone(server, () => load(server, ROUND_SECONDS)))
    }
  }
  for (const server of servers) {
    server.process.kill('SIGCONT')
    await stopServer(server.process)
  }
  return results
}

interface Server {
  readonly process: ChildProcess
  readonly url: string
}

async function start({ kind, env = {} }: Contender): Promise<Server> {
  const { process, port } = await startServer(kind, env)
  const url = `http://127.0.0.1:${port}/empty`
  // A connection to Redis that is still being opened would time out while the process is stopped.
  await untilAccepting(url)
  process.kill('SIGSTOP')
  return { process, url }
}

/** While one is under load the others are stopped: what they still have to do of their own would slow it. */
async function alone<Value>({ process, url }: Server, work: () => Promise<Value>): Promise<Value> {
  process.kill('SIGCONT')
  try {
    await untilAccepting(url)
    return await work()
  } finally {
    process.kill('SIGSTOP')
  }
}

/** A process that was stopped finds its timers late: a peer may refuse once before it is itself again. */
async function untilAccepting(url: string): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  for (let accepted = 0, tries = 0; accepted < 20; tries += 1) {
    const { ok } = await fetch(url, { method: 'POST', headers, body: '{"n":1}' })
    accepted = ok ? accepted + 1 : 0
    if (tries > 1000) throw new Error(`${url} accepts no task`)
  }
}

/** Requests per second; every reply has to be a 2xx. */
async function load({ url }: Server, duration: number): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const options = {
    url,
    method: 'POST' as const,
    headers,
    body: '{"n":1}',
    connections: CONNECTIONS,
    duration,
  }
  const { requests, non2xx, errors } = await autocannon(options)
  if (non2xx + errors > 0) throw new Error(`${url}: ${non2xx} refused, ${errors} errors`)
  return requests.average
}
