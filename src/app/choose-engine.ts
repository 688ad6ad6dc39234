import { hostname } from 'node:os'
import type { Cluster } from '../cluster/cluster.ts'
import { toListenUrl, toMemberName } from '../config/tables/cluster.ts'
import type { Journal } from '../journal/journal.ts'
import { VERSION } from '../package.ts'
import type { Webhooks } from '../webhook/webhooks.ts'
import type { AppOptions } from './app-options.ts'
import { createQueue, type Queue } from './create-queue.ts'
import { boundsFrom, resourcesFrom } from './from-settings.ts'
import { createLocalEngine } from './local-engine.ts'
import { openJournal, type Services } from './services.ts'

/** Where tasks are remembered, and which queue works over it: of this process, or of all that share a PostgreSQL. */
export interface Storage {
  readonly journal: Journal
  /** null: this process is alone. */
  readonly cluster: Cluster | null
}

/**
 * Opens what the settings name; without DATABASE_URL nothing of the cluster is loaded.
 *
 * @throws HeadgateError when it cannot be opened, or a setting does not fit.
 */
export async function openStorage(
  options: AppOptions,
  { bus, dataDir, db }: Pick<Services, 'bus' | 'dataDir' | 'db'>,
): Promise<Storage> {
  const { settings, clock, log } = options
  if (db === null) return { journal: await openJournal(options, dataDir), cluster: null }
  const { openCluster } = await import('../cluster/cluster.ts')
  const cluster = await openCluster(db, {
    url: settings.databaseUrl,
    listenUrl: toListenUrl(settings),
    prepares: settings.isPreparing,
    isUnsafeAllowed: settings.isUnsafeDatabase,
    kind: settings.role,
    name: toMemberName(settings),
    version: VERSION,
    slots: settings.role === 'web' ? 0 : settings.slots,
    bus,
    clock,
    log,
  })
  return { journal: cluster.journal, cluster }
}

/** This process, where it is alone. */
function describeProcess({ slots, running: busy, stuck }: Queue['pool']) {
  const host = hostname()
  return { name: host, kind: 'serve' as const, host, version: VERSION, slots, busy, stuck, silentMs: 0 }
}

export interface EngineGiven extends Services, Storage {
  readonly webhooks: Webhooks
  /** What an operator has set may have changed in another process. */
  readonly controlsChanged: () => void
}

/** The queue, and how it begins and ends. */
export async function createEngine(options: AppOptions, given: EngineGiven) {
  const { settings, log, onFatal, clock, time, random = Math.random } = options
  const { registry, journal, bus, uploadStore, callers, cluster, webhooks, controlsChanged } = given
  const deps = {
    registry,
    journal,
    bus,
    uploadStore,
    clock,
    random,
    log,
    onFatal,
    bounds: boundsFrom(settings, callers),
    resources: resourcesFrom(settings, given),
    defaults: { timeoutMs: settings.taskTimeoutMs, attempts: settings.defaultAttempts },
    keepsUploads: (cluster !== null || settings.journal !== 'memory') && settings.keepUploadsMs > 0,
    deliver: () => webhooks.start(),
    provenNow: () => time.now(),
  }
  if (cluster !== null) {
    const { createClusterQueue } = await import('../cluster/cluster-queue.ts')
    return createClusterQueue(cluster, {
      ...deps,
      hinted: { webhooks: deps.deliver, controls: controlsChanged },
    })
  }
  const queue = createQueue(deps)
  const engine = createLocalEngine({ ...queue, journal, clock, log })
  const listProcesses = () => Promise.resolve([describeProcess(queue.pool)])
  return {
    ...queue,
    controlled: queue.pool,
    engine,
    freshen: null,
    listProcesses,
    engineName: 'local' as const,
  }
}
