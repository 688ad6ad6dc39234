import type { FastifyInstance } from 'fastify'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { createAnalysis } from './analysis/analysis.ts'
import { Callers } from './caller/callers.ts'
import { Tickets } from './caller/tickets.ts'
import { tokensFileOf } from './config/read.ts'
import { SETTINGS, type Settings } from './config/settings.ts'
import { Feed } from './feed/feed.ts'
import { Connector } from './fetch/connector.ts'
import { WEB_PORTS } from './fetch/policy.ts'
import type { TaskType } from './handler/define-task.ts'
import { Registry } from './handler/registry.ts'
import { createRunner } from './handler/runner.ts'
import { edge } from './http/plugin.ts'
import { isLoopback } from './http/gate/origin.ts'
import type { Identify } from './http/parts.ts'
import { Connections } from './http/stream/connections.ts'
import { StreamPlaces } from './http/stream/places.ts'
import { Intake } from './intake/intake.ts'
import { Positions } from './intake/positions.ts'
import { createStepStore } from './intake/steps.ts'
import { createMemoryJournal } from './journal/memory.ts'
import { WorkerPool } from './pool/worker-pool.ts'
import { removeAbandoned, Spool } from './spool/spool.ts'
import { ShuttingDown } from './task/abort.ts'
import { systemClock, type Clock } from './task/clock.ts'
import { HeadgateError } from './task/errors.ts'

export interface ComposeOptions {
  readonly settings: Settings
  readonly log: Logger
  /** Task types beside the built-in ones. */
  readonly tasks: readonly TaskType[]
  /** Who calls, as the host application knows it; absent: by our own tokens. */
  readonly identify?: Identify
  /** Path that every URL begins with; empty for a server of our own. */
  readonly prefix: string
  /** A promise of the house can no longer be kept: the process, or the host, has to stop. */
  readonly onFatal: (error: unknown) => void
  readonly clock?: Clock
  /** 0 to 1; spreads returning clients. */
  readonly random?: () => number
}

/** The composed house. `start` and `stop` may be called twice. */
export interface Headgate {
  readonly intake: Intake
  readonly pool: WorkerPool
  readonly registry: Registry
  readonly feed: Feed
  readonly callers: Callers
  /** The HTTP edge, to be registered in a Fastify application. */
  readonly edge: (app: FastifyInstance) => Promise<void>
  readonly start: () => Promise<void>
  /** In the order of design §6. `skipWait`, once settled, ends the wait for running work. */
  readonly stop: (skipWait?: Promise<void>) => Promise<void>
}

/** One reader may be this far behind before its stream is closed. */
const FEED_LIMITS = { maxQueued: 1024, maxQueuedChars: 1024 * 1024 }
/** Readers have this long to take what was said last. */
const LAST_WORDS_MS = 500
const NEVER = new Promise<void>(() => {})

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/** The only place that knows every part. */
export function compose(options: ComposeOptions): Headgate {
  const parts = assemble(options)
  const { intake, pool, registry, feed } = parts
  let isStarted = false
  let stopped: Promise<void> | null = null

  return {
    intake,
    pool,
    registry,
    feed,
    callers: parts.callers,
    edge: (app) =>
      edge(app, {
        ...parts,
        journal: parts.journal.tasks,
        prefix: options.prefix,
        identify: options.identify ?? null,
        ...edgeLimits(options.settings),
        version,
        isStarted: () => isStarted,
      }),
    start: async () => {
      await removeAbandoned(parts.dataDir)
      await parts.spool.start()
      parts.analysis.start()
      parts.positions.start()
      isStarted = true
    },
    stop: (skipWait = NEVER) => {
      return (stopped ??= stopInOrder(parts, options, skipWait))
    },
  }
}

function edgeLimits({ maxBodyBytes, corsOrigins, ratePerMinute, addressRatePerMinute }: Settings) {
  return { maxBodyBytes, corsOrigins, ratePerMinute, addressRatePerMinute }
}

type Parts = ReturnType<typeof assemble>

function assemble(options: ComposeOptions) {
  const { settings, log, onFatal, clock = systemClock, random = Math.random } = options
  const resting = assembleMemory(settings, clock)
  const doorkeeping = assembleDoor(options, clock)
  const { journal, feed, spool, analysis } = resting
  const registry = new Registry([...analysis.types, ...options.tasks])

  const pool: WorkerPool = new WorkerPool({
    slots: settings.slots,
    capacity: settings.capacity,
    graceMs: settings.graceMs,
    maxStuck: settings.maxStuck ?? settings.slots,
    clock,
    concurrencyOf: (type) => registry.find(type)?.concurrency ?? Infinity,
    work: (task, signal) => run(task, signal),
    ended: (task, outcome) => intake.ended(task, outcome),
  })
  const intakeParts = { registry, pool, journal: journal.tasks, feed, spool, clock, random, log, onFatal }
  const intake = new Intake({ ...intakeParts, defaultTimeoutMs: settings.taskTimeoutMs })
  const run = createRunner(registry, {
    started: (task) => intake.started(task),
    report: (task, report) => intake.report(task, report),
    steps: createStepStore(intake.recorder, journal.steps),
    pathOf: (upload) => spool.pathOf(upload),
    clock,
  })
  return {
    ...resting,
    ...doorkeeping,
    registry,
    pool,
    intake,
    positions: new Positions({ pool, feed, clock }),
    clock,
  }
}

/** Who may come in, and how many may stay. */
function assembleDoor({ settings, log, prefix }: ComposeOptions, clock: Clock) {
  const isOwnServer = prefix === ''
  const { tokens, maxStreams: max, maxCallerStreams: maxPerCaller } = settings
  const callers = new Callers({ file: resolve(tokensFileOf(settings)), fixed: tokens, clock, log })
  // A guest does not listen; whom it serves is decided for each request.
  if (isOwnServer && callers.isOpen && !isLoopback(settings.host)) {
    const why =
      'without tokens only 127.0.0.1, ::1 and localhost are allowed. Make a token: headgate token new'
    throw new HeadgateError('invalid-setting', `HOST="${settings.host}": ${why} NAME.`)
  }
  return {
    callers,
    tickets: new Tickets(),
    places: new StreamPlaces({ max, maxPerCaller }),
  }
}

/** The parts that know nothing of the pool. */
function assembleMemory(settings: Settings, clock: Clock) {
  const dataDir = resolve(settings.dataDir)
  const spoolFolder = join(dataDir, `spool-${process.pid}`)
  const spool = new Spool(spoolFolder)
  const { keptTasks: maxFinished, keptBytes: maxFinishedBytes, maxUploadBytes, maxFetchBytes } = settings
  const { youTubeUrl } = settings
  const isUsual = youTubeUrl === SETTINGS.youTubeUrl.default
  const connector = new Connector({
    ports: WEB_PORTS,
    // An operator who names another place for YouTube trusts that too.
    allowHosts: isUsual ? settings.fetchAllowHosts : [...settings.fetchAllowHosts, new URL(youTubeUrl).host],
    timeoutMs: settings.fetchTimeoutMs,
    maxBytes: maxFetchBytes,
  })
  const parser = {
    maxIdle: settings.slots,
    memoryBytes: settings.parserMemoryBytes,
    cpuMs: settings.parserCpuMs,
  }
  return {
    dataDir,
    spool,
    connector,
    analysis: createAnalysis({
      connector,
      spool,
      spoolFolder,
      maxUploadBytes,
      maxFetchBytes,
      youTubeUrl,
      parser,
    }),
    journal: createMemoryJournal({ maxFinished, maxFinishedBytes }),
    feed: new Feed(FEED_LIMITS),
    connections: new Connections(clock),
  }
}

async function stopInOrder(parts: Parts, options: ComposeOptions, skipWait: Promise<void>): Promise<void> {
  const { settings, log } = options
  const { intake, pool, connections, clock } = parts
  intake.close()
  pool.pause()
  connections.announceShutdown()
  await firstOf([pool.whenQuiet(), skipWait], settings.stopWaitMs, clock)
  pool.abortAll(new ShuttingDown(), settings.stopGraceMs)
  await pool.whenQuiet()
  parts.positions.stop()
  await intake.recorder.whenWritten()
  parts.feed.close()
  await connections.whenClosed(LAST_WORDS_MS)
  connections.closeAll()
  await parts.analysis.stop()
  await parts.connector.close()
  await parts.journal[Symbol.asyncDispose]()
  // What cannot be removed now is removed by the next start.
  await parts.spool
    .clear()
    .catch((error: unknown) => log.warn({ err: error }, 'the spool could not be removed'))
}

/** Settles with the first of the promises, or after `ms`. */
async function firstOf(promises: readonly Promise<void>[], ms: number, clock: Clock): Promise<void> {
  const { promise: late, resolve: giveUp } = Promise.withResolvers<void>()
  const takeBack = clock.after(ms, giveUp)
  await Promise.race([...promises, late])
  takeBack()
}
