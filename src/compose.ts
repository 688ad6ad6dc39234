import type { FastifyInstance } from 'fastify'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Logger } from 'pino'
import { createAnalysis } from './analysis/analysis.ts'
import { Callers } from './caller/callers.ts'
import { newTicketSecret, Tickets } from './caller/tickets.ts'
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
import { taskView } from './http/wire/wire.ts'
import { Intake } from './intake/intake.ts'
import { Positions } from './intake/positions.ts'
import { createStepStore } from './intake/record/steps.ts'
import { RejectedCount } from './intake/recover/rejected-count.ts'
import type { Journal } from './journal/journal.ts'
import { createMemoryJournal } from './journal/memory/memory-journal.ts'
import { openSqliteJournal } from './journal/sqlite/sqlite-journal.ts'
import { startInOrder, stopInOrder } from './lifecycle.ts'
import { WorkerPool } from './pool/worker-pool.ts'
import { Retention } from './retention/retention.ts'
import { Spool } from './spool/spool.ts'
import { systemClock, type Clock } from './task/clock.ts'
import { HeadgateError } from './task/errors.ts'
import type { Task } from './task/task.ts'
import { Webhooks } from './webhook/webhooks.ts'

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
  readonly retention: Retention
  /** The HTTP edge, to be registered in a Fastify application. */
  readonly edge: (app: FastifyInstance) => Promise<void>
  /** Takes over from the process before; then tasks may start. */
  readonly start: () => Promise<void>
  /** In the order of design §6. `skipWait`, once settled, ends the wait for running work. */
  readonly stop: (skipWait?: Promise<void>) => Promise<void>
}

/** One reader may be this far behind before its stream is closed. */
const FEED_LIMITS = { maxQueued: 1024, maxQueuedChars: 1024 * 1024 }
/** Larger ones cost less work in all, smaller ones shorter pauses: 4000 writes are a few milliseconds. */
const WRITES_PER_CHECKPOINT = 4000
const TICKET_SECRET_NOTE = 'ticket-secret'
const NEVER = new Promise<void>(() => {})

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string
}

/**
 * The only place that knows every part. The journal is open when it settles.
 * @throws HeadgateError for a setting that does not fit, or a journal that cannot be opened.
 */
export async function compose(given: ComposeOptions): Promise<Headgate> {
  const rest: (() => void)[] = []
  const options = { ...given, onFatal: firstFault(given, rest) }
  const door = assembleDoor(options)
  const still = assembleStill(options)
  const registry = new Registry([...still.analysis.types, ...options.tasks])
  const journal = await openJournal(options, still.dataDir)
  const parts = {
    ...assembleQueue(options, { ...still, registry, journal }),
    ...door,
    tickets: await createTickets(journal),
  }
  // What cannot be written down must not begin, and nobody must wait for it.
  rest.push(
    () => parts.pool.pause(),
    () => parts.intake.close(),
    () => parts.connections.closeAll(),
  )
  let isStarted = false
  let stopped: Promise<void> | null = null

  return {
    ...parts,
    edge: (app) => edge(app, { ...parts, ...edgeParts(options, parts), isStarted: () => isStarted }),
    start: async () => {
      if (isStarted) return
      await startInOrder(parts)
      isStarted = true
    },
    stop: (skipWait = NEVER) => {
      return (stopped ??= stopInOrder(parts, skipWait))
    },
  }
}

/** Tells the first fault alone, after the house was brought to rest. */
function firstFault({ onFatal }: ComposeOptions, rest: readonly (() => void)[]): (error: unknown) => void {
  let isTold = false
  return (error) => {
    if (isTold) return
    isTold = true
    for (const bring of rest) bring()
    onFatal(error)
  }
}

/** What the edge needs beside the parts themselves. */
function edgeParts(options: ComposeOptions, { journal, connector }: Pick<Still, 'journal' | 'connector'>) {
  return {
    journal: journal.tasks,
    erased: journal.retention,
    health: journal.health,
    refusalOf: (address: string) => connector.refusalOf(address),
    prefix: options.prefix,
    identify: options.identify ?? null,
    ...edgeLimits(options.settings),
    version,
  }
}

function edgeLimits({
  maxBodyBytes,
  corsOrigins,
  ratePerMinute,
  addressRatePerMinute,
  webhookSecret,
}: Settings) {
  const hasWebhookSecret = webhookSecret !== ''
  return { maxBodyBytes, corsOrigins, ratePerMinute, addressRatePerMinute, hasWebhookSecret }
}

async function openJournal(options: ComposeOptions, folder: string): Promise<Journal> {
  const { settings, log, onFatal, clock = systemClock } = options
  const { keptTasks: maxFinished, keptBytes: maxFinishedBytes, reserveBytes } = settings
  if (settings.journal === 'memory') return createMemoryJournal({ maxFinished, maxFinishedBytes })
  const { monotonic } = clock
  const onNote = (note: string) => log.warn({ journal: folder }, note)
  const writesPerCheckpoint = WRITES_PER_CHECKPOINT
  return openSqliteJournal({ folder, reserveBytes, writesPerCheckpoint, monotonic, onNote, onFatal })
}

/** Tickets outlive the process as long as the journal does. */
async function createTickets({ notes }: Journal): Promise<Tickets> {
  const known = await notes.loadNote(TICKET_SECRET_NOTE)
  const secret = known ?? newTicketSecret()
  if (known === undefined) await notes.saveNote(TICKET_SECRET_NOTE, secret)
  return new Tickets(secret)
}

type Still = ReturnType<typeof assembleStill> & { readonly registry: Registry; readonly journal: Journal }

/** The way of a task: door, waiting room, slots, handlers, memory and voice. */
function assembleQueue(options: ComposeOptions, still: Still) {
  const { settings, log, onFatal, clock = systemClock, random = Math.random } = options
  const { registry, journal, feed, spool } = still
  const pool: WorkerPool = new WorkerPool({
    slots: settings.slots,
    capacity: settings.capacity,
    graceMs: settings.graceMs,
    maxStuck: settings.maxStuck ?? settings.slots,
    clock,
    concurrencyOf: (type) => registry.concurrencyOf(type),
    work: (task, signal) => run(task, signal),
    ended: (task, outcome) => intake.runs.ended(task, outcome),
  })
  const { tasks, duplicates, health, steps } = journal
  const webhooks = createWebhooks(options, still)
  const shared = { registry, pool, journal: tasks, duplicates, health, feed, spool, clock, random, log }
  const intake = new Intake({
    ...shared,
    onFatal,
    defaultTimeoutMs: settings.taskTimeoutMs,
    keepsUploads: settings.journal !== 'memory' && settings.keepUploadsMs > 0,
    deliver: () => webhooks.start(),
  })
  const run = createRunner(registry, {
    started: (task) => intake.runs.started(task),
    report: (task, report) => intake.runs.report(task, report),
    steps: createStepStore(intake.recorder, steps),
    fileOf: (upload) => spool.open(upload),
    clock,
  })
  return {
    ...still,
    ...createKeepers(options, { ...still, intake, pool }),
    pool,
    intake,
    webhooks,
    clock,
    log,
  }
}

function createWebhooks(options: ComposeOptions, { journal, connector }: Still): Webhooks {
  const { settings, log, clock = systemClock, random = Math.random } = options
  const { deliveries, tasks } = journal
  const viewOf = (task: Task) => taskView(task, null, options.prefix)
  const secret = settings.webhookSecret
  return new Webhooks({ deliveries, tasks, connector, clock, random, log, secret, viewOf })
}

/** What goes on by itself beside the work, and how long the work has when it is to stop. */
function createKeepers(
  { settings, log, clock = systemClock }: ComposeOptions,
  { journal, spool, feed, intake, pool }: Still & { readonly intake: Intake; readonly pool: WorkerPool },
) {
  const { stopWaitMs, stopGraceMs } = settings
  return {
    retention: new Retention({ journal: journal.retention, spool, clock, log, keepMs: keepMsOf(settings) }),
    rejected: new RejectedCount({ notes: journal.notes, tally: intake.tally, clock, log }),
    positions: new Positions({ pool, feed, clock }),
    stopWaitMs,
    stopGraceMs,
  }
}

/** JOURNAL=memory forgets by number. */
function keepMsOf(settings: Settings) {
  if (settings.journal === 'memory') {
    return { results: Infinity, events: Infinity, uploads: Infinity, traces: settings.keepTracesMs }
  }
  return {
    results: settings.keepResultsMs,
    events: settings.keepEventsMs,
    uploads: settings.keepUploadsMs,
    traces: settings.keepTracesMs,
  }
}

/** Who may come in, and how many may stay. */
function assembleDoor({ settings, log, prefix, clock = systemClock }: ComposeOptions) {
  const isOwnServer = prefix === ''
  const { tokens, maxStreams: max, maxCallerStreams: maxPerCaller } = settings
  const callers = new Callers({ file: resolve(tokensFileOf(settings)), fixed: tokens, clock, log })
  // A guest does not listen; whom it serves is decided for each request.
  if (isOwnServer && callers.isOpen && !isLoopback(settings.host)) {
    const why =
      'without tokens only 127.0.0.1, ::1 and localhost are allowed. Make a token: headgate token new'
    throw new HeadgateError('invalid-setting', `HOST="${settings.host}": ${why} NAME.`)
  }
  return { callers, places: new StreamPlaces({ max, maxPerCaller }) }
}

/** The parts that know nothing of the pool and of the journal. */
function assembleStill({ settings, clock = systemClock }: ComposeOptions) {
  const dataDir = resolve(settings.dataDir)
  const isDurable = settings.journal !== 'memory'
  const spoolFolder = join(dataDir, isDurable ? 'spool' : `spool-${process.pid}`)
  const spool = new Spool(spoolFolder)
  const { maxUploadBytes, maxFetchBytes, youTubeUrl } = settings
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
  const limits = { maxUploadBytes, maxFetchBytes, youTubeUrl, parser }
  return {
    dataDir,
    isDurable,
    spool,
    connector,
    analysis: createAnalysis({ connector, spool, spoolFolder, ...limits }),
    feed: new Feed(FEED_LIMITS),
    connections: new Connections(clock),
  }
}
