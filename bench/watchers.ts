import autocannon from 'autocannon'
import { once } from 'node:events'
import { connect } from 'node:net'
import { cpuOf } from './cpu.ts'
import { startServer, stopServer } from './server-process.ts'
import { median } from './support.ts'

interface Round {
  readonly perSecond: number
  readonly cpuMicros: number
}

const WATCHERS = 50
const ROUNDS = 15
const ROUND_SECONDS = 3
const CONNECTIONS = 50
const FRAME = Buffer.from('event: message')

/**
 * `POST` of a JSON task while nobody, and while fifty watch the whole queue; in turn on one server. `npm run watchers`
 *
 * The load and the watchers share the other core, so that requests per second fall even where the server has no more
 * to do; what it has to do is its own processor time for a request.
 */
const { process: server, port } = await startServer('headgate', {
  JOURNAL: 'memory',
  MAX_STREAMS_PER_CALLER: '1000',
})
const url = `http://127.0.0.1:${port}`
await load(6)
const none: Round[] = []
const watched: Round[] = []
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
report('requests per second', 'perSecond', '0.98 or more')
report('processor time of the server for a request, µs', 'cpuMicros', '1.02 or less')

/** The median over pairs of rounds, which follow each other. */
function report(name: string, figure: keyof Round, aim: string): void {
  const ratios = none.map((round, index) => (watched[index]?.[figure] ?? 0) / round[figure])
  const [before, after] = [none, watched].map((rounds) => median(rounds.map((round) => round[figure])))
  console.log(`${name}: nobody ${before?.toFixed(0)}, ${WATCHERS} watchers ${after?.toFixed(0)}`)
  const rounds = ratios.map((ratio) => ratio.toFixed(3)).join(', ')
  console.log(`  ratio ${median(ratios).toFixed(3)} (rounds ${rounds}); aim: ${aim}`)
}

/** Reads the board until it is told to leave, with as little work as can be; the reply is how many frames came. */
async function watch(signal: AbortSignal): Promise<number> {
  const socket = connect(port, '127.0.0.1')
  signal.addEventListener('abort', () => socket.destroy())
  socket.write('GET /api/queue/stream HTTP/1.1\r\nhost: localhost\r\n\r\n')
  let frames = 0
  socket.on('data', (chunk: Buffer) => {
    for (let at = chunk.indexOf(FRAME); at >= 0; at = chunk.indexOf(FRAME, at + FRAME.length)) frames += 1
  })
  await once(socket, 'close')
  return frames
}

/** Every reply has to be a 2xx. */
async function load(duration: number): Promise<Round> {
  const headers = { 'content-type': 'application/json' }
  const given = { url: `${url}/empty`, method: 'POST' as const, headers, body: '{"n":1}' }
  const before = cpuOf(server.pid)
  const { requests, non2xx, errors } = await autocannon({ ...given, connections: CONNECTIONS, duration })
  if (non2xx + errors > 0) throw new Error(`${non2xx} refused, ${errors} errors`)
  const cpuMicros = ((cpuOf(server.pid) - before) * 1000) / requests.total
  return { perSecond: requests.average, cpuMicros }
}
