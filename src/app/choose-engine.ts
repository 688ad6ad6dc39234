import type { TokenStore } from '../auth/token-store.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { toListenUrl, toMemberName } from '../config/tables/cluster.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { Registry } from '../handler/registry.ts'
import { VERSION } from '../package.ts'
import type { Webhooks } from '../webhook/webhooks.ts'
import type { AppOptions } from './app-options.ts'
import type { Builtins } from './builtins.ts'
import { createQueue, type QueueStorage } from './create-queue.ts'
import { boundsFrom, resourcesFrom } from './from-settings.ts'
import { createLocalEngine } from './local-engine.ts'
import { openJournal, type Services } from './services.ts'

/** Where tasks and their files are kept: of this process alone, or of all that share a PostgreSQL. */
export interface Storage extends QueueStorage {
  readonly dataDir: string
  /** Whether the journal, and so the upload store, outlives the process. */
  readonly isDurable: boolean
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
  { db, dataDir, isDurable, uploadStore, bus }: Services,
): Promise<Storage> {
  const { settings, clock, log } = options
  const files = { dataDir, isDurable, uploadStore, keepsUploads: isDurable && settings.keepUploadsMs > 0 }
  if (db === null) return { ...files, journal: await openJournal(options, dataDir), cluster: null }
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
  return { ...files, journal: cluster.journal, cluster }
}

export interface EngineGiven {
  readonly storage: Storage
  readonly registry: Registry
  readonly builtins: Builtins
  readonly callers: TokenStore
  readonly bus: EventBus
  readonly webhooks: Webhooks
  /** What an operator has set may have changed in another process. */
  readonly controlsChanged: () => void
}

/** The queue, and how it begins and ends. */
export async function createEngine(options: AppOptions, given: EngineGiven) {
  const { settings, log, onFatal, clock, random = Math.random } = options
  const { registry, storage, bus, callers, webhooks, controlsChanged, builtins } = given
  const { journal, cluster } = storage
  const deps = {
    registry,
    storage,
    bus,
    clock,
    random,
    log,
    bounds: boundsFrom(settings, callers),
    resources: resourcesFrom(settings, registry, builtins.analysis),
    defaults: { timeoutMs: settings.taskTimeoutMs, attempts: settings.defaultAttempts },
  }
  const webhookDue = () => webhooks.start()
  if (cluster !== null) {
    const { createClusterQueue } = await import('../cluster/cluster-queue.ts')
    return createClusterQueue(cluster, {
      ...deps,
      hinted: { webhooks: webhookDue, controls: controlsChanged },
    })
  }
  const queue = createQueue({ ...deps, listeners: { webhookDue, fatal: onFatal } })
  const engine = createLocalEngine({ ...queue, journal, clock, log })
  return { ...queue, controlled: queue.pool, engine, freshen: null }
}
