import type { FastifyInstance } from 'fastify'
import { loadBuiltins } from './builtins.ts'
import { createAuth, createServices, type Services } from './services.ts'
import type { AppOptions, ComposeOptions } from './app-options.ts'
import { createEngine, openStorage, type Storage } from './choose-engine.ts'
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
import { closeInOrder, drainInOrder, startInOrder, type StartStopDeps } from './start-stop.ts'
import { VERSION } from '../package.ts'
import type { LifecycleView, QueueControls, QueueView } from '../lifecycle/queue-view.ts'
import type { ResourceControls } from '../resource/resources.ts'
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
  readonly resources: ResourceControls
  /** What writes reports, the first choice first: `provider:model`, `extractive`. */
  readonly engines: readonly string[]
  /** The HTTP plugin, to be registered in a Fastify application. */
  readonly httpPlugin: (app: FastifyInstance) => Promise<void>
  /** Takes over from the process before; then tasks may start. */
  readonly start: () => Promise<void>
  /**
   * Admits nothing more, waits for running tasks as STOP_WAIT_SECONDS defines, and ends the streams. Requests are still
   * served: the HTTP server is to be closed after it. `skipWait`, once settled, ends the wait.
   */
  readonly drain: (skipWait?: Promise<void>) => Promise<void>
  /** The rest of the stop, when no request is served any more: closes the journal. Drains first if that was not done. */
  readonly stop: () => Promise<void>
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
  const auth = createAuth(options)
  const base = await createServices(options)
  // Before anything is written: the folder may be somebody else's.
  base.uploadStore.assertOwn()
  const services = { ...base, ...(await loadBuiltins(options.settings, base.analysisOptions)) }
  const registry = new Registry([...services.analysis.types, ...options.tasks])
  const storage = await openStorage(options, services)
  const { journal } = storage
  const deps = {
    ...(await assemble(options, { ...services, ...auth, registry, ...storage })),
    ...(await createSealed(journal, auth.callers, options.clock)),
  }
  options.time.resume(await journal.notes.loadNote(TIME_NOTE))
  keeper.save = (text) => journal.notes.saveNote(TIME_NOTE, text)
  // A task that cannot be written must not start, and no request may wait for it.
  rest.push(
    () => deps.pool.pause('lifecycle'),
    () => deps.admission.intake.close(),
    () => deps.connections.closeAll(),
  )
  let isStarted = false
  return {
    ...deps,
    engines: services.analysis.engines,
    httpPlugin: (app) =>
      httpPlugin(
        app,
        toHttpDeps(options, deps, () => isStarted),
      ),
    start: async () => {
      if (isStarted) return
      await startInOrder(deps)
      isStarted = true
    },
    ...createStop(deps, () => (isClosing = true)),
  }
}

/** The queue, and what works beside it. */
async function assemble(options: AppOptions, services: Services & Storage) {
  const { log, clock, time } = options
  const { journal, cluster } = services
  const webhooks = createWebhooks(options, services)
  const reload = () =>
    void controls.load().catch((error: unknown) => log.warn({ err: error }, 'controls not read'))
  const queue = await createEngine(options, { ...services, webhooks, controlsChanged: reload })
  const changed = () => cluster?.publisher.hasControls()
  const controls: OperatorControls = new OperatorControls({
    ...queue,
    pool: queue.controlled,
    notes: journal.notes,
    clock,
    log,
    changed,
  })
  const jobs = createBackgroundJobs(options, { ...services, ...queue })
  return { ...services, ...queue, ...jobs, controls, webhooks, clock, time, log }
}

/** @param closing called when what requests need is about to go */
function createStop(deps: StartStopDeps, closing: () => void): Pick<Headgate, 'drain' | 'stop'> {
  let drained: Promise<void> | null = null
  let stopped: Promise<void> | null = null
  const drain = (skipWait = NEVER) => (drained ??= drainInOrder(deps, skipWait))
  const close = async () => {
    await drain()
    closing()
    await closeInOrder(deps)
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

type HttpParts = Services &
  HttpDeps['queue'] &
  Pick<HttpDeps['access'], 'tickets' | 'sessions'> &
  Pick<HttpDeps['process'], 'clock' | 'engineName' | 'listProcesses'>

/** What requests need of all this. */
function toHttpDeps(
  { settings, prefix, identify }: ComposeOptions,
  parts: HttpParts,
  isStarted: () => boolean,
): HttpDeps {
  const { admission, lifecycle, pool, estimator, resources, controls, freshen } = parts
  const { journal: kept, uploadStore, registry, unavailable, connector } = parts
  const { callers, tickets, sessions, bus, connections, places } = parts
  const { clock, engineName, listProcesses, analysis } = parts
  const { maxBodyBytes, webhookSecret, isWebOn, replyBytes } = settings
  const { tasks: journal, steps, history, retention: erased, health } = kept
  const hasWebhookSecret = webhookSecret !== ''
  const refusalOf = (address: string) => connector.refusalOf(address)
  const { modelUse } = analysis
  return {
    queue: { admission, lifecycle, pool, estimator, resources, controls, freshen },
    storage: { journal, steps, history, erased, health, uploadStore },
    rules: { registry, unavailable, maxBodyBytes, hasWebhookSecret, refusalOf },
    access: { callers, tickets, sessions, identify: identify ?? null },
    streams: { bus, connections, places, replyMemory: new ReplyMemory(replyBytes) },
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
