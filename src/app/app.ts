import type { FastifyInstance } from 'fastify'
import { loadBuiltins } from './builtins.ts'
import { createAuth, createServices } from './services.ts'
import type { AppOptions, ComposeOptions } from './app-options.ts'
import { createEngine, openStorage, type EngineGiven } from './choose-engine.ts'
import { createBackgroundJobs, createWebhooks } from './background.ts'
import { OperatorControls } from '../control/operator-controls.ts'
import type { TokenStore } from '../auth/token-store.ts'
import { Sessions } from '../auth/sessions.ts'
import { newTicketSecret, Tickets } from '../auth/tickets.ts'
import type { Settings } from '../config/settings.ts'
import type { EventBus } from '../events/event-bus.ts'
import { Registry } from '../handler/registry.ts'
import { createPrefixOf, type PrefixOf } from '../http/gate/base-path.ts'
import type { HttpDeps } from '../http/deps.ts'
import { httpPlugin } from '../http/plugin.ts'
import { ReplyMemory } from '../http/server/reply-memory.ts'
import type { QueueAdmission } from '../admission/queue-admission.ts'
import type { Journal } from '../journal/journal.ts'
import type { AppParts } from './parts.ts'
import { closeInOrder, drainInOrder, startInOrder } from './start-stop.ts'
import { VERSION } from '../package.ts'
import type { LifecycleView, QueueControls, QueueView } from '../lifecycle/queue-view.ts'
import type { Retention } from '../retention/retention.ts'
import { systemClock } from '../time/clock.ts'
import { HeadgateError } from '../task/errors.ts'
import { createSteadyClock, ProvenTime } from '../time/proven-time.ts'

/** The composed application. `start` and `stop` may be called twice. */
export interface Headgate {
  readonly admission: QueueAdmission
  readonly lifecycle: LifecycleView
  readonly pool: QueueView & QueueControls
  readonly registry: Registry
  readonly bus: EventBus
  readonly callers: TokenStore
  readonly retention: Retention
  /** What writes reports, the first choice first: `provider:model`, `extractive`. */
  readonly engines: readonly string[]
  /** The HTTP plugin, to be registered in a Fastify application. */
  readonly httpPlugin: (app: FastifyInstance) => Promise<void>
  /** Takes over from the process before; then tasks may start. */
  start(): Promise<void>
  /**
   * Admits nothing more, waits for running tasks as STOP_WAIT_SECONDS defines, and ends the streams. Requests are still
   * served: the HTTP server is to be closed after it. `skipWait`, once settled, ends the wait.
   */
  drain(skipWait?: Promise<void>): Promise<void>
  /** The rest of the stop, when no request is served any more: closes the journal. Drains first if that was not done. */
  stop(): Promise<void>
}

const TICKET_SECRET_NOTE = 'ticket-secret'
const TIME_NOTE = 'proven-time'
const NEVER = new Promise<void>(() => {})

/**
 * The only place that knows every part. The journal is open when it settles.
 * @throws HeadgateError for a setting that does not fit, or a journal that cannot be opened.
 */
export async function compose(given: ComposeOptions): Promise<Headgate> {
  const rest: (() => void)[] = []
  let isClosing = false
  const keeper = { save: (_text: string): Promise<void> => Promise.resolve() }
  const options = assembleOptions(given, { onFatal: firstFault(given, rest, () => isClosing), keeper })
  const parts = await assemble(options)
  const { storage, queue, jobs, access, streams, builtins, registry } = parts
  const { notes } = storage.journal
  options.time.resume(await notes.loadNote(TIME_NOTE))
  keeper.save = (text) => notes.saveNote(TIME_NOTE, text)
  // A task that cannot be written must not start, and no request may wait for it.
  rest.push(
    () => queue.pool.pause('lifecycle'),
    () => queue.admission.intake.close(),
    () => streams.connections.closeAll(),
  )
  let isStarted = false
  return {
    ...queue,
    registry,
    bus: streams.bus,
    callers: access.callers,
    retention: jobs.retention,
    engines: builtins.analysis.engines,
    httpPlugin: (app) =>
      httpPlugin(
        app,
        toHttpDeps(options, parts, () => isStarted),
      ),
    start: async () => {
      if (isStarted) return
      await startInOrder(parts, options.log)
      isStarted = true
    },
    ...createStop(options, parts, () => (isClosing = true)),
  }
}

async function assemble(options: AppOptions): Promise<AppParts> {
  const { callers, places } = createAuth(options)
  const services = await createServices(options)
  const { uploadStore, connector, bus, connections } = services
  // Before anything is written: the folder may be somebody else's.
  uploadStore.assertOwn()
  const builtins = await loadBuiltins(options.settings, services.analysisOptions)
  const registry = new Registry([...builtins.analysis.types, ...options.tasks])
  const storage = await openStorage(options, services)
  const { journal } = storage
  const webhooks = createWebhooks(options, journal, connector)
  const queue = await assembleQueue(options, { storage, registry, builtins, callers, bus, webhooks })
  return {
    storage,
    queue,
    jobs: { ...createBackgroundJobs(options, { ...queue, storage, bus }), webhooks },
    access: { callers, ...(await createSealed(journal, callers, options.clock)) },
    streams: { bus, connections, places },
    builtins,
    registry,
    connector,
  }
}

/** The queue, with what operators set of it. */
async function assembleQueue(
  options: AppOptions,
  given: Omit<EngineGiven, 'controlsChanged'>,
): Promise<AppParts['queue']> {
  const { log, clock } = options
  const { journal, cluster } = given.storage
  const reload = () =>
    void controls.load().catch((error: unknown) => log.warn({ err: error }, 'controls not read'))
  const { controlled, ...queue } = await createEngine(options, { ...given, controlsChanged: reload })
  const changed = () => cluster?.publisher.hasControls()
  const { notes } = journal
  const controls: OperatorControls = new OperatorControls({
    ...queue,
    pool: controlled,
    notes,
    clock,
    log,
    changed,
  })
  return { ...queue, controls }
}

/** @param closing called when what requests need is about to go */
function createStop(
  { settings, log }: AppOptions,
  parts: AppParts,
  closing: () => void,
): Pick<Headgate, 'drain' | 'stop'> {
  const { stopWaitMs, stopGraceMs } = settings
  let drained: Promise<void> | null = null
  let stopped: Promise<void> | null = null
  const drain = (skipWait = NEVER) => (drained ??= drainInOrder(parts, { skipWait, stopWaitMs, stopGraceMs }))
  const close = async () => {
    await drain()
    closing()
    await closeInOrder(parts, log)
  }
  return { drain, stop: () => (stopped ??= close()) }
}

interface Shared {
  readonly onFatal: (error: unknown) => void
  /** Keeps the proven time, once there is a journal. */
  readonly keeper: { readonly save: (text: string) => Promise<void> }
}

function assembleOptions(given: ComposeOptions, { onFatal, keeper }: Shared): AppOptions {
  const { clock = systemClock, log } = given
  const time = new ProvenTime({
    clock,
    onJump: (byMs) =>
      log.warn({ byMs: Math.round(byMs) }, 'wall clock jumped: nothing is erased until it is proven'),
    keep: (text) => keeper.save(text),
  })
  return { ...given, onFatal, time, clock: createSteadyClock(clock, time) }
}

/** Reports the first fault alone, after everything was brought to rest. */
function firstFault(
  { onFatal }: ComposeOptions,
  rest: readonly (() => void)[],
  isClosing: () => boolean,
): (error: unknown) => void {
  let isTold = false
  return (error) => {
    // An aborted request may still write while the journal closes: it was confirmed to no client.
    if (isClosing() && error instanceof HeadgateError && error.code === 'journal-unavailable') return
    if (isTold) return
    isTold = true
    for (const bring of rest) bring()
    onFatal(error)
  }
}

/** What requests need of all this. */
function toHttpDeps(
  { settings, prefix, identify, clock }: AppOptions,
  { storage, queue, access, streams, builtins, registry, connector }: AppParts,
  isStarted: () => boolean,
): HttpDeps {
  const { maxBodyBytes, webhookSecret, isWebOn, replyBytes } = settings
  const { tasks: journal, steps, history, retention: erased, health } = storage.journal
  const { uploadStore } = storage
  const { unavailable, analysis } = builtins
  const hasWebhookSecret = webhookSecret !== ''
  const refusalOf = (address: string) => connector.refusalOf(address)
  const { modelUse } = analysis
  const { name: engineName } = queue.engine
  const listProcesses = () => queue.engine.listProcesses()
  return {
    queue,
    storage: { journal, steps, history, erased, health, uploadStore },
    rules: { registry, unavailable, maxBodyBytes, hasWebhookSecret, refusalOf },
    access: { ...access, identify: identify ?? null },
    streams: { ...streams, replyMemory: new ReplyMemory(replyBytes) },
    limits: toLimits(settings, createPrefixOf({ prefix, ...settings })),
    process: { clock, version: VERSION, isStarted, isWebOn, engineName, listProcesses, modelUse },
  }
}

function toLimits(settings: Settings, findPrefix: PrefixOf): HttpDeps['limits'] {
  const { corsOrigins, ratePerMinute, addressRatePerMinute, maxUploadBytes, slowBytesPerSecond } = settings
  const linger = { maxBytes: maxUploadBytes, bytesPerSecond: slowBytesPerSecond }
  return { corsOrigins, ratePerMinute, addressRatePerMinute, linger, findPrefix }
}

/** Tickets and sessions outlive the process as long as the journal does. */
async function createSealed({ notes }: Journal, callers: TokenStore, clock: AppOptions['clock']) {
  const secret = await notes.keepNote(TICKET_SECRET_NOTE, newTicketSecret())
  return { tickets: new Tickets(secret), sessions: new Sessions(secret, { callers, clock }) }
}
