import { join, resolve } from 'node:path'
import { SETTINGS } from '../config/settings.ts'
import { Feed } from '../feed/feed.ts'
import { Connector } from '../fetch/connector.ts'
import { WEB_PORTS } from '../fetch/policy.ts'
import type { Registry } from '../handler/registry.ts'
import { Connections } from '../http/stream/connections.ts'
import type { Journal } from '../journal/journal.ts'
import { Spool } from '../spool/spool.ts'
import { modelsOptions } from './models.ts'
import type { Builtins } from './builtins.ts'
import type { assembleDoor } from './door.ts'
import type { AssembleOptions } from './options.ts'

/** One reader may be this far behind before its stream is closed. */
const FEED_LIMITS = { maxQueued: 1024, maxQueuedChars: 1024 * 1024 }

/** The parts that know nothing of the pool and of the journal. */
export function assembleStill({ settings, clock }: AssembleOptions) {
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
  const limits = { maxUploadBytes, maxFetchBytes, youTubeUrl, parser, models: modelsOptions(settings, clock) }
  return {
    dataDir,
    isDurable,
    spool,
    connector,
    analysisOptions: { connector, spool, spoolFolder, ...limits },
    feed: new Feed(FEED_LIMITS),
    connections: new Connections(clock),
  }
}

/** The parts that stand when the way of a task is laid. */
export type Still = ReturnType<typeof assembleStill> &
  Builtins &
  ReturnType<typeof assembleDoor> & { readonly registry: Registry; readonly journal: Journal }
