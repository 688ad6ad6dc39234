import type { FastifyInstance } from 'fastify'
import { loadBuiltins } from './assemble/builtins.ts'
import { assembleDoor } from './assemble/door.ts'
import { openJournal } from './assemble/journal.ts'
import type { ComposeOptions } from './assemble/options.ts'
import { assembleQueue } from './assemble/queue.ts'
import { assembleStill, type Still } from './assemble/still.ts'
import type { Callers } from './caller/callers.ts'
import { newTicketSecret, Tickets } from './caller/tickets.ts'
import type { Settings } from './config/settings.ts'
import type { Feed } from './feed/feed.ts'
import { Registry } from './handler/registry.ts'
import { edge } from './http/plugin.ts'
import type { Intake } from './intake/intake.ts'
import type { Journal } from './journal/journal.ts'
import { startInOrder, stopInOrder } from './lifecycle.ts'
import { VERSION } from './package.ts'
import type { WorkerPool } from './pool/worker-pool.ts'
import type { Resources } from './resource/resources.ts'
import type { Retention } from './retention/retention.ts'

/** The composed house. `start` and `stop` may be called twice. */
export interface Headgate {
  readonly intake: Intake
  readonly pool: WorkerPool
  readonly registry: Registry
  readonly feed: Feed
  readonly callers: Callers
  readonly retention: Retention
  readonly resources: Resources
  /** What writes reports, the first choice first: `provider:model`, `extractive`. */
  readonly engines: readonly string[]
  /** The HTTP edge, to be registered in a Fastify application. */
  readonly edge: (app: FastifyInstance) => Promise<void>
  /** Takes over from the process before; then tasks may start. */
  readonly start: () => Promise<void>
  /** In the order of design §6. `skipWait`, once settled, ends the wait for running work. */
  readonly stop: (skipWait?: Promise<void>) => Promise<void>
}

const TICKET_SECRET_NOTE = 'ticket-secret'
const NEVER = new Promise<void>(() => {})

/**
 * The only place that knows every part. The journal is open when it settles.
 * @throws HeadgateError for a setting that does not fit, or a journal that cannot be opened.
 */
export async function compose(given: ComposeOptions): Promise<Headgate> {
  const rest: (() => void)[] = []
  const options = { ...given, onFatal: firstFault(given, rest) }
  const door = assembleDoor(options)
  const base = assembleStill(options)
  const still = { ...base, ...(await loadBuiltins(options.settings, base.analysisOptions)) }
  const registry = new Registry([...still.analysis.types, ...options.tasks])
  const journal = await openJournal(options, still.dataDir)
  const parts = {
    ...assembleQueue(options, { ...still, ...door, registry, journal }),
    tickets: await createTickets(journal),
  }
  // What cannot be written down must not begin, and nobody must wait for it.
  rest.push(
    () => parts.pool.pause('lifecycle'),
    () => parts.intake.close(),
    () => parts.connections.closeAll(),
  )
  let isStarted = false
  let stopped: Promise<void> | null = null

  return {
    ...parts,
    engines: still.analysis.engines,
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
function edgeParts(
  options: ComposeOptions,
  { journal, connector, analysis, unavailable }: Pick<Still, 'journal' | 'connector' | 'analysis' | 'unavailable'>,
) {
  return {
    journal: journal.tasks,
    erased: journal.retention,
    health: journal.health,
    modelUse: analysis.modelUse,
    unavailable,
    refusalOf: (address: string) => connector.refusalOf(address),
    prefix: options.prefix,
    identify: options.identify ?? null,
    ...edgeLimits(options.settings),
    version: VERSION,
  }
}

function edgeLimits({
  maxBodyBytes,
  corsOrigins,
  ratePerMinute,
  addressRatePerMinute,
  webhookSecret,
  headStartMs,
}: Settings) {
  const hasWebhookSecret = webhookSecret !== ''
  return { maxBodyBytes, corsOrigins, ratePerMinute, addressRatePerMinute, hasWebhookSecret, headStartMs }
}

/** Tickets outlive the process as long as the journal does. */
async function createTickets({ notes }: Journal): Promise<Tickets> {
  const known = await notes.loadNote(TICKET_SECRET_NOTE)
  const secret = known ?? newTicketSecret()
  if (known === undefined) await notes.saveNote(TICKET_SECRET_NOTE, secret)
  return new Tickets(secret)
}
