import { postgresPrograms, startPostgres, type PostgresServer } from '../test/support/postgres-server.ts'
import { until, type Contender, type CpuTimes } from './cluster/contender.ts'
import { fillQueue } from './cluster/depth.ts'
import { startHeadgate } from './cluster/headgate.ts'
import { measureIdle } from './cluster/idle.ts'
import { startBullMq, startPgBoss } from './cluster/peers.ts'
import { hasRedis } from './redis.ts'
import { median } from './support.ts'

/**
 * `npm run cluster`: from the submit to the end of tasks without work of their own, over PostgreSQL, beside plain pg-boss
 * and BullMQ, in turn, on a server of its own. Each reply and each end is checked. `TASKS` (2000) of a round, `ROUNDS`
 * (3), `WARM_UP` (1000 tasks for each worker before), `AT_ONCE` (32 submits under way), `SETTINGS` (`1x3 …`: workers and
 * slots of each), `DEPTHS` (`1000 …` waiting; none: an empty value), `IDLE` (300 tasks that find an idle worker).
 */
const TASKS = Number(process.env['TASKS'] ?? 2000)
const ROUNDS = Number(process.env['ROUNDS'] ?? 3)
const SETTINGS = (process.env['SETTINGS'] ?? '1x3 2x3 4x3 1x25 2x25 4x25').split(' ').filter(Boolean)
const DEPTHS = (process.env['DEPTHS'] ?? '1000 100000 990000').split(' ').filter(Boolean).map(Number)
const PEERS = (process.env['PEERS'] ?? 'pg-boss bullmq').split(' ')
const IDLE = Number(process.env['IDLE'] ?? 300)
/** For each worker: a process that has just started runs code that is not compiled yet. */
const WARM_UP = Number(process.env['WARM_UP'] ?? 1000)
/** Runs and submits before those that are measured at a depth. */
const FIRST = 300

/** Of one round: tasks a second, CPU of a task in ms. */
interface Round {
  readonly rate: number
  readonly database: number
  readonly workers: number
  readonly submits: number
}

async function measure(contender: Contender, tasks: number): Promise<Round> {
  const before = contender.cpu()
  const startedAt = performance.now()
  await contender.run(tasks)
  const rate = (tasks / (performance.now() - startedAt)) * 1000
  const after = contender.cpu()
  const spent = (key: keyof typeof after) => (after[key] - before[key]) / tasks
  return { rate, database: spent('database'), workers: spent('workers'), submits: spent('submits') }
}

async function measureInTurn(
  contenders: readonly Contender[],
  workers: number,
): Promise<ReadonlyMap<string, Round>> {
  const rounds = new Map<string, Round[]>(contenders.map(({ name }) => [name, []]))
  for (const contender of contenders) await contender.run(WARM_UP * workers)
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const contender of contenders) rounds.get(contender.name)?.push(await measure(contender, TASKS))
  }
  return new Map([...rounds].map(([name, all]) => [name, toMedians(all)]))
}

function toMedians(rounds: readonly Round[]): Round {
  const middle = (key: keyof Round) => median(rounds.map((each) => each[key]))
  return {
    rate: middle('rate'),
    database: middle('database'),
    workers: middle('workers'),
    submits: middle('submits'),
  }
}

function show(label: string, rounds: ReadonlyMap<string, Round>, compared: number | undefined): void {
  for (const [name, { rate, database, workers, submits }] of rounds) {
    const cpu = [database, workers, submits].map((ms) => ms.toFixed(2).padStart(6)).join(' ')
    const ratio = compared === undefined ? '' : (rate / compared).toFixed(2)
    console.log(
      `${label.padEnd(18)} ${name.padEnd(9)} ${rate.toFixed(0).padStart(6)} ${cpu} ${ratio.padStart(6)}`,
    )
  }
}

async function stopAll(contenders: readonly Contender[]): Promise<void> {
  for (const contender of contenders) await contender.stop()
}

async function bench(programs: string): Promise<void> {
  const server = await startPostgres(programs)
  try {
    console.log(`${TASKS} tasks, medians of ${ROUNDS} rounds in turn; ms of CPU for a task`)
    console.log('workers x slots    system      rate database worker submit  ratio')
    for (const setting of SETTINGS) {
      const [workers = 1, slots = 3] = setting.split('x').map(Number)
      const size = { workers, slots }
      const contenders: Contender[] = []
      if (PEERS.includes('pg-boss'))
        contenders.push(await startPgBoss(await server.database(`plain_${setting}`), size))
      if (hasRedis && PEERS.includes('bullmq')) contenders.push(await startBullMq(size))
      contenders.push(await startHeadgate({ databaseUrl: await server.database(`ours_${setting}`), ...size }))
      const rounds = await measureInTurn(contenders, workers)
      show(setting, rounds, rounds.get('pg-boss')?.rate)
      await stopAll(contenders)
    }
    const { p50, p99, most } = await measureIdle(await server.database('idle'), IDLE)
    console.log(
      `submit to start on an idle worker, ${IDLE} tasks: p50 ${p50} ms, p99 ${p99} ms, at most ${most} ms`,
    )
    await benchDepths(server)
    await server.stop()
  } catch (error) {
    // Its server ends with this process, and what uses it fails then.
    console.error(error)
    process.exit(1)
  }
}

/** What a submit costs, and what a run does, while many wait: each depth in a database of its own, measured in turn. */
async function benchDepths(server: PostgresServer): Promise<void> {
  const urls = new Map<number, string>()
  for (const depth of DEPTHS) {
    const databaseUrl = await server.database(`depth_${depth}`)
    // The first start makes the tables.
    await (await startHeadgate({ databaseUrl, workers: 0, slots: 3 })).stop()
    await fillQueue(databaseUrl, depth)
    urls.set(depth, databaseUrl)
  }
  const rounds = new Map<number, Round[]>(DEPTHS.map((depth) => [depth, []]))
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [depth, url] of urls) rounds.get(depth)?.push(await measureApart(url))
  }
  let compared: number | undefined
  for (const [depth, all] of rounds) {
    const middle = toMedians(all)
    compared ??= middle.rate
    show(`${depth} waiting`, new Map([['headgate', middle]]), compared)
  }
}

/** Nothing runs while tasks are submitted, and nothing is submitted while they run. */
async function measureApart(databaseUrl: string): Promise<Round> {
  const web = await startHeadgate({ databaseUrl, workers: 0, slots: 3 })
  await web.submit(FIRST)
  const submitted = await measure({ ...web, run: async (tasks) => void (await web.submit(tasks)) }, TASKS)
  await web.stop()
  const worker = await startHeadgate({ databaseUrl, workers: 1, slots: 3 })
  const first = await worker.countCompleted()
  await until(async () => (await worker.countCompleted()) >= first + FIRST, 'the first runs')
  const [before, cpu, startedAt] = [await worker.countCompleted(), worker.cpu(), performance.now()]
  await until(async () => (await worker.countCompleted()) >= before + TASKS, `${TASKS} runs`)
  const [after, cpuAfter] = [await worker.countCompleted(), worker.cpu()]
  const msOfRun = (performance.now() - startedAt) / (after - before)
  await worker.stop()
  const sum = (key: keyof CpuTimes) => submitted[key] + (cpuAfter[key] - cpu[key]) / (after - before)
  const rate = 1000 / (1000 / submitted.rate + msOfRun)
  return { rate, database: sum('database'), workers: sum('workers'), submits: sum('submits') }
}

const programs = postgresPrograms()
if (programs === undefined) throw new Error('the benchmark needs PostgreSQL')
await bench(programs)
