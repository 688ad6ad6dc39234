import autocannon from 'autocannon'
import type { ChildProcess } from 'node:child_process'
import { startServer, stopServer } from './server-process.ts'
import { median } from './support.ts'

const ROUNDS = 7
const ROUND_SECONDS = 3
const WARM_UP_SECONDS = 6
const CONNECTIONS = 50

export interface HttpResult {
  /** Requests per second, medians. */
  readonly bare: number
  readonly headgate: number
  /** Median of the ratios of neighbouring rounds. */
  readonly ratio: number
}

interface Server {
  readonly process: ChildProcess
  readonly url: string
}

/** `POST` of a JSON task against a bare route with the same schemas: the two in turn, ratios pair by pair. */
export async function httpBench(): Promise<HttpResult> {
  const bare = await start('bare')
  const headgate = await start('headgate')
  await load(bare, WARM_UP_SECONDS)
  await load(headgate, WARM_UP_SECONDS)
  const rounds: { bare: number; headgate: number }[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push({ bare: await load(bare, ROUND_SECONDS), headgate: await load(headgate, ROUND_SECONDS) })
  }
  await stop(bare)
  await stop(headgate)
  return {
    bare: median(rounds.map((round) => round.bare)),
    headgate: median(rounds.map((round) => round.headgate)),
    ratio: median(rounds.map((round) => round.headgate / round.bare)),
  }
}

async function start(kind: 'bare' | 'headgate'): Promise<Server> {
  const { process, port } = await startServer(kind)
  return { process, url: `http://127.0.0.1:${port}/empty` }
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

async function stop({ process }: Server): Promise<void> {
  await stopServer(process)
}
