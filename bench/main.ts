import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { idleSockets, slowClients } from './doors.ts'
import { postgresPrograms, startPostgres } from '../test/support/postgres-server.ts'
import { bareWriterRun } from './bare-writer.ts'
import { durableIdleStart, withSqlite } from './durable.ts'
import { forecastMs } from './forecast.ts'
import { httpBench } from './http.ts'
import { hasRedis, startRedis } from './redis.ts'
import {
  lagBesideClients,
  loopLagWhileSyncsStall,
  millionFinished,
  postsBesideLargeTasks,
  startWithQueued,
} from './scale.ts'
import { bytesPerWaitingTask } from './memory.ts'
import { DOCUMENT_MB, parsingBench } from './parsing.ts'
import { coreRun, fastqRun, memoryJournal, poolRun, pQueueRun } from './pool.ts'
import { bullmqRun, pgBossRun } from './peers.ts'
import { readersBench } from './readers.ts'
import { idleStart } from './start.ts'
import { startingBench } from './starting.ts'
import { stopBench } from './stopping.ts'
import { median, thousands } from './support.ts'

/** The table of docs/benchmarks.md, in one run on one machine. */

const ROUNDS = 5
/** The table of docs/benchmarks.md stands between these; what is around it is written by hand. */
const BEGIN = '<!-- written by npm run bench -->'
const END = '<!-- end -->'
type Row = readonly [what: string, figure: string, aim: string]

const rows: Row[] = []
const note = (...row: Row) => {
  rows.push(row)
  console.log(row.join(' | '))
}

/** Rounds of several contenders in turn, so that a drift of the machine's speed meets all of them. */
async function inTurn(
  contenders: readonly (() => Promise<{ tasksPerSecond: number }>)[],
): Promise<number[][]> {
  const results: number[][] = contenders.map(() => [])
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      const { tasksPerSecond } = await contender()
      // The first round only warms up.
      if (round > 0) results[index]?.push(tasksPerSecond)
      globalThis.gc?.()
    }
  }
  return results
}

const ratio = (a: readonly number[], b: readonly number[]) =>
  median(a.map((value, index) => value / (b[index] ?? NaN)))
const perSecond = (values: readonly number[]) => `${thousands(median(values))}/s`
const compare = (ours: readonly number[], peer: readonly number[]) =>
  `${perSecond(ours)} ÷ ${perSecond(peer)} = ${ratio(ours, peer).toFixed(2)}`

const [direct = [], waiting = [], pQueue = [], fastq = [], core = [], million = []] = await inTurn([
  () => poolRun(100_000, false),
  () => poolRun(100_000, true),
  () => pQueueRun(100_000, true),
  () => fastqRun(100_000, true),
  () => coreRun(100_000, memoryJournal()),
  () => poolRun(1_000_000, true),
])
note('pool: submit → done, 3 slots, empty handler, guard and outcome', perSecond(direct), '≥ 100 000/s')
note('pool: 100 000 waiting, mixed priorities', perSecond(waiting), '')
note(
  'p-queue 10, its default order, the same',
  `${perSecond(pQueue)}; ours ÷ it: ${ratio(waiting, pQueue).toFixed(1)}`,
  '≥ 2',
)
note(
  'fastq, the same, without priorities',
  `${perSecond(fastq)}; ours ÷ it: ${ratio(waiting, fastq).toFixed(2)}`,
  '',
)
note(
  'pool: 1 000 000 waiting, mixed priorities',
  `${perSecond(million)}; ÷ 100 000 waiting: ${ratio(million, waiting).toFixed(2)}`,
  '≥ 0.5',
)
note('whole core: schema, journal in memory, three recorded events a task', perSecond(core), '')

note(
  'heap per waiting task, record and input included, of 100 000',
  `${Math.round(bytesPerWaitingTask(100_000))} bytes`,
  '≤ 1024',
)
note('one wait forecast with 1000 waiting tasks', `${forecastMs(1000).toFixed(1)} ms`, '≤ 20 ms')
const start = await idleStart()
note(
  'submit → start on an idle slot',
  `p50 ${start.p50.toFixed(3)} ms, p99 ${start.p99.toFixed(3)} ms`,
  'p99 ≤ 1 ms',
)

await durableHttp()
await durableCore()
await atScale()
const starting = await startingBench()
note(
  'start of the built server until it listens: time, processor time; resident memory at rest',
  `${starting.wall.toFixed(2)} s, ${starting.cpu.toFixed(2)} s; ${starting.resident.toFixed(0)} MB`,
  '≤ 150 MB',
)
const fan = fork(new URL('fan-out.ts', import.meta.url), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
const [fanOut] = (await once(fan, 'message')) as [{ p99: number; micros: number }]
note(
  '1500 WebSockets of one task: event-loop delay for an event, p99; processor time for an event and reader',
  `${fanOut.p99.toFixed(1)} ms; ${fanOut.micros.toFixed(1)} µs`,
  '≤ 20 ms; ≤ 28 µs',
)
const readers = await readersBench()
note(
  'event → reader, p99: beside 10 stuck readers ÷ alone',
  `${readers.besideStuck.toFixed(1)} ms ÷ ${readers.alone.toFixed(1)} ms = ${(readers.besideStuck / readers.alone).toFixed(2)}; ${readers.stuckClosed} of 10 stuck ones cut off`,
  '≤ 2',
)
for (const { name, before, during, closed } of await slowClients()) {
  note(
    `POST, p99: beside 1000 clients with a slow ${name}, less before`,
    `${during.toFixed(1)} − ${before.toFixed(1)} ms = ${(during - before).toFixed(1)} ms; ${closed} of 1000 cut off`,
    '≤ 50 ms, all',
  )
}
const idle = await idleSockets()
note(
  'resident memory for 10 000 idle WebSockets; POST p99 beside them',
  `${idle.megabytes.toFixed(0)} MB for ${idle.open}; ${idle.postP99.toFixed(1)} ms`,
  '≤ 200 MB, ≤ 50 ms',
)
const parsing = await parsingBench()
note(
  `GET /api/queue/stats, p99: while three documents of ${DOCUMENT_MB} MB are read ÷ idle`,
  `${parsing.whileParsing.toFixed(1)} ms ÷ ${parsing.idle.toFixed(1)} ms = ${(parsing.whileParsing / parsing.idle).toFixed(2)}`,
  '≤ 3',
)
note(
  'a document that makes its reader spin',
  `${parsing.spinError}, ${parsing.spinOverrun.toFixed(2)} s after its processor limit`,
  '≤ 1 s',
)
for (const { name, seconds, code } of await stopBench())
  note(`stop: ${name}`, `${seconds.toFixed(2)} s, exit ${code}`, stopAim(name))

/** Every 202 means a synced commit, ours and that of BullMQ with `always`. */
async function durableHttp(): Promise<void> {
  const always = hasRedis ? await startRedis('always') : null
  const everysec = hasRedis ? await startRedis('everysec') : null
  const redis = [always, everysec].flatMap((server) =>
    server === null ? [] : [{ kind: 'bullmq' as const, env: { REDIS_PORT: `${server.port}` } }],
  )
  const [bare = [], memory = [], durable = [], ...peers] = await httpBench([
    { kind: 'bare' },
    { kind: 'headgate', env: { JOURNAL: 'memory' } },
    { kind: 'headgate', env: { JOURNAL: 'sqlite' } },
    ...redis,
  ])
  await always?.stop()
  await everysec?.stop()
  note(
    'POST of a JSON task, JOURNAL=memory ÷ bare Fastify route with the same schemas',
    compare(memory, bare),
    '≥ 0.7',
  )
  note('durable POST ÷ the bare route', compare(durable, bare), '≥ 0.7')
  const missing = 'redis-server is not installed here'
  note(
    'durable POST ÷ BullMQ behind the same route, Redis appendfsync always',
    peers[0] === undefined ? missing : compare(durable, peers[0]),
    '≥ 1.4',
  )
  note(
    'durable POST ÷ the same, appendfsync everysec',
    peers[1] === undefined ? missing : compare(durable, peers[1]),
    '> 1',
  )
}

async function durableCore(): Promise<void> {
  const redis = hasRedis ? await startRedis('always') : null
  const programs = postgresPrograms()
  const postgres = programs === undefined ? null : await startPostgres(programs)
  const database = await postgres?.database('bench')
  for (const slots of [3, 16, 64]) {
    const count = 2000
    const [ours = [], bare = [], ...peers] = await withSqlite((journal) =>
      inTurn([
        () => coreRun(count, journal, slots),
        () => bareWriterRun(count, slots),
        ...(redis === null ? [] : [() => bullmqRun(count, slots, redis.port)]),
        ...(database === undefined ? [] : [() => pgBossRun(count, slots, database)]),
      ]),
    )
    const row = `durable submit → done, ${slots} slots, empty handler`
    note(
      `${row}, ÷ a writer alone that commits the same rows for ${slots} tasks at a time`,
      compare(ours, bare),
      slots === 3 ? '≥ 0.7' : '',
    )
    const names = [
      ...(redis === null ? [] : ['BullMQ, appendfsync always']),
      ...(database === undefined ? [] : ['pg-boss']),
    ]
    for (const [index, name] of names.entries())
      note(`${row}, ÷ ${name}`, compare(ours, peers[index] ?? []), '')
  }
  await redis?.stop()
  await postgres?.stop()
  const { p50, p99 } = await durableIdleStart()
  note(
    'durable submit → start on an idle slot',
    `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
    'p99 ≤ 2 ms',
  )
  const lag = await loopLagWhileSyncsStall()
  note(
    'event-loop delay, p99, while every sync takes 500 ms',
    lag === null
      ? 'strace is not installed here'
      : `${lag.p99.toFixed(1)} ms (${lag.posts} POSTs answered meanwhile)`,
    '≤ 10 ms',
  )
}

async function atScale(): Promise<void> {
  const queued = await startWithQueued(100_000)
  note('start of the built server with 100 000 queued tasks → ready', `${queued.toFixed(2)} s`, '≤ 2 s')
  for (const order of ['strict', 'head start', 'turns'] as const) {
    const waiting = order === 'turns' ? '10 000 tasks of 1000 callers waiting' : '100 000 tasks waiting'
    note(
      `event-loop delay, p99, while 32 clients list, read and submit, ${waiting}, ${order}`,
      `${(await lagBesideClients(order)).toFixed(1)} ms`,
      '≤ 20 ms',
    )
  }
  const scale = await millionFinished()
  for (const [query, p99] of scale.listP99s) {
    const name = query === '' ? 'all' : query
    note(`list of tasks, p99, with 1 000 000 finished ones: ${name}`, `${p99.toFixed(1)} ms`, '≤ 10 ms')
  }
  note(
    'durable POST, p99, with 1 000 000 finished ones ÷ with none',
    `${scale.postP99.toFixed(1)} ms ÷ ${scale.emptyPostP99.toFixed(1)} ms = ${(scale.postP99 / scale.emptyPostP99).toFixed(2)}`,
    '≈ 1',
  )
  note(
    'durable POST, p99, while 100 000 tasks are erased by the retention',
    `${scale.pruningP99.toFixed(1)} ms; all erased in ${scale.pruningSeconds.toFixed(0)} s`,
    '≤ 50 ms',
  )
  const large = await postsBesideLargeTasks()
  note(
    'durable POST, p99, beside 300 tasks of 2 MB in and out; alone',
    `${large.beside.toFixed(1)} ms for ${large.seconds.toFixed(0)} s; ${large.alone.toFixed(1)} ms`,
    '',
  )
}

function stopAim(name: string): string {
  return name.includes('unresponsive') ? '≤ 30 s' : '≤ 1 s'
}

const table = `${BEGIN}

Machine: ${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}.

| What | Figure | Aim |
| --- | --- | --- |
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}

${END}`
const file = new URL('../docs/benchmarks.md', import.meta.url)
const text = readFileSync(file, 'utf8')
writeFileSync(file, text.slice(0, text.indexOf(BEGIN)) + table + text.slice(text.indexOf(END) + END.length))
