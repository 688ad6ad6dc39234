import autocannon from 'autocannon'
import { startServer, stopServer } from './server-process.ts'
import { median } from './support.ts'

const WATCHERS = 50
const ROUNDS = 7
const ROUND_SECONDS = 3
const CONNECTIONS = 50

/** `POST` of a JSON task while nobody, and while fifty watch the whole queue; in turn on one server. `npm run watchers` */
const { process: server, port } = await startServer('headgate', {
  JOURNAL: 'memory',
  MAX_STREAMS_PER_CALLER: '1000',
})
const url = `http://127.0.0.1:${port}`
await load(6)
const none: number[] = []
const watched: number[] = []
for (let round = 0; round < ROUNDS; round += 1) {
  none.push(await load(ROUND_SECONDS))
  const leave = new AbortController()
  const watching = Array.from({ length: WATCHERS }, () => watch(leave.signal))
  watched.push(await load(ROUND_SECONDS))
  leave.abort()
  const frames = await Promise.all(watching)
  if (frames.some((count) => count < ROUND_SECONDS))
    throw new Error(`a watcher got too few frames: ${frames.join()}`)
}
await stopServer(server)
console.log(
  `nobody watches: ${median(none).toFixed(0)}/s; ${WATCHERS} watch: ${median(watched).toFixed(0)}/s`,
)
console.log(
  `ratio ${(median(watched) / median(none)).toFixed(3)} (rounds ${pairs().join(', ')}); aim: 0.98 or more`,
)

function pairs(): string[] {
  return none.map((value, index) => ((watched[index] ?? 0) / value).toFixed(3))
}

/** Reads the board until it is told to leave; the reply is how many frames came. */
async function watch(signal: AbortSignal): Promise<number> {
  let frames = 0
  try {
    const response = await fetch(`${url}/api/queue/stream`, { signal })
    for await (const chunk of response.body ?? []) {
      frames +=
        Buffer.from(chunk as Uint8Array)
          .toString()
          .split('event: message').length - 1
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return frames
}

/** Requests per second; every reply has to be a 2xx. */
async function load(duration: number): Promise<number> {
  const headers = { 'content-type': 'application/json' }
  const given = { url: `${url}/empty`, method: 'POST' as const, headers, body: '{"n":1}' }
  const { requests, non2xx, errors } = await autocannon({ ...given, connections: CONNECTIONS, duration })
  if (non2xx + errors > 0) throw new Error(`${non2xx} refused, ${errors} errors`)
  return requests.average
}
