import type { Journal } from '../journal/journal.ts'
import { createMemoryJournal } from '../journal/memory/memory-journal.ts'
import { openSqliteJournal } from '../journal/sqlite/sqlite-journal.ts'
import type { AppOptions } from './app-options.ts'
import { createHash } from 'node:crypto'
import { resolve, join } from 'node:path'
import { refuseOpenServer } from '../http/gate/open-server.ts'
import { TokenStore } from '../auth/token-store.ts'
import { resolveTokensFile } from '../config/read.ts'
import { toMemberName } from '../config/tables/cluster.ts'
import { StreamLimits } from '../http/stream/stream-limits.ts'
import { SETTINGS } from '../config/settings.ts'
import { EventBus } from '../events/event-bus.ts'
import { Connector } from '../fetch/connector.ts'
import { WEB_PORTS } from '../fetch/address-policy.ts'
import { Connections } from '../http/stream/connections.ts'
import { FolderStore } from '../uploads/folder-store.ts'
import { connectDatabase } from './connect-database.ts'
import { modelsOptions } from './from-settings.ts'

/** One reader may be this far behind before its stream is closed. */
const FEED_LIMITS = { maxQueued: 1024, maxQueuedChars: 1024 * 1024 }

/** The parts that know nothing of the pool and of the journal. */
export async function createServices({ settings, clock, log }: AppOptions) {
  const dataDir = resolve(settings.dataDir)
  const isDurable = settings.journal !== 'memory' || settings.databaseUrl !== ''
  const uploadsFolder = join(dataDir, toSpoolName(settings))
  const { db, uploadStore } = await connectDatabase({ settings, log }, new FolderStore(uploadsFolder))
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
  const limits = { maxUploadBytes, maxFetchBytes, youTubeUrl, parser, models: modelsOptions(settings, clock) }
  return {
    db,
    dataDir,
    isDurable,
    uploadStore,
    connector,
    analysisOptions: { connector, uploadStore, uploadsFolder, ...limits },
    bus: new EventBus(FEED_LIMITS),
    connections: new Connections(clock),
  }
}

/** The folder of uploads. Several processes on one machine may share DATA_DIR: each sweeps its own folder alone. */
function toSpoolName(settings: AppOptions['settings']): string {
  const { databaseUrl, journal } = settings
  if (databaseUrl !== '') {
    const digest = createHash('sha256').update(toMemberName(settings)).digest('hex')
    return `spool-of-${digest.slice(0, 12)}`
  }
  return journal === 'memory' ? `spool-${process.pid}` : 'spool'
}

export type Services = Awaited<ReturnType<typeof createServices>>

/** Who may come in, and how many may stay. */
export function createAuth({ settings, log, prefix, clock }: AppOptions) {
  const isOwnServer = prefix === ''
  const { tokens, maxStreams: max, maxCallerStreams: maxPerCaller } = settings
  const callers = new TokenStore({ file: resolve(resolveTokensFile(settings)), fixed: tokens, clock, log })
  // A guest does not listen; whom it serves is decided for each request.
  if (isOwnServer) refuseOpenServer(settings.host, !callers.isOpen)
  return { callers, places: new StreamLimits({ max, maxPerCaller }) }
}

/** Larger ones cost less work in all, smaller ones shorter pauses: 4000 writes are a few milliseconds. */
const WRITES_PER_CHECKPOINT = 4000

export async function openJournal(options: AppOptions, folder: string): Promise<Journal> {
  const { settings, log, onFatal, clock } = options
  const { keptTasks: maxFinished, keptBytes: maxFinishedBytes, reserveBytes } = settings
  if (settings.journal === 'memory') return createMemoryJournal({ maxFinished, maxFinishedBytes })
  const { monotonic } = clock
  const onNote = (note: string) => log.warn({ journal: folder }, note)
  const writesPerCheckpoint = WRITES_PER_CHECKPOINT
  return openSqliteJournal({ folder, reserveBytes, writesPerCheckpoint, monotonic, onNote, onFatal })
}
