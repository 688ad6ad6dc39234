import { totalmem } from 'node:os'
import type { Logger } from 'pino'
import type { Analysis, ModelsOptions } from '../analysis/analysis.ts'
import { type Settings, SETTINGS } from '../config/settings.ts'
import type { TaskType } from '../handler/define-task.ts'
import type { TokenStore } from '../auth/token-store.ts'
import type { Registry } from '../handler/registry.ts'
import type { QueueControls } from '../lifecycle/queue-view.ts'
import type { ProjectKey } from '../resource/key-pool.ts'
import { Pressure } from '../process/pressure.ts'
import type { Clock } from '../time/clock.ts'
import { HeadgateError } from '../task/errors.ts'
import type { ResourceLimits } from '../task/resource.ts'
import type { Provider, ProviderSetup } from '../analysis/llm/providers.ts'

/** The longest reply that is asked for takes some 5 MB, an event for each token. */
const MAX_REPLY_BYTES = 8 * 1024 * 1024

/** The models that are set up: with a key, or where no key is needed. */
export function modelsOptions(settings: Settings, clock: Clock): ModelsOptions {
  const { maxDayTokens, maxDayUsd, maxTaskTokens, modelPrices, modelParallel } = settings
  return {
    order: settings.engines,
    providers: createProviders(settings),
    prices: modelPrices,
    limits: {
      connectMs: settings.modelConnectMs,
      firstByteMs: settings.modelFirstByteMs,
      idleMs: settings.modelIdleMs,
      totalMs: settings.modelTotalMs,
      maxBytes: MAX_REPLY_BYTES,
    },
    spending: { maxDayTokens, maxDayUsd, clock },
    maxTaskTokens,
    parallel: modelParallel,
  }
}

/** Providers with a key, or that need none. */
function createProviders(settings: Settings): ReadonlyMap<Provider, ProviderSetup> {
  const { resourceKeys, geminiKey, openaiKey, openaiUrl, ollamaModel } = settings
  const isSetUp: Record<Provider, boolean> = {
    gemini: geminiKey !== '' || resourceKeys.has('gemini'),
    // A server of one's own often wants no key.
    openai: openaiKey !== '' || resourceKeys.has('openai') || openaiUrl !== SETTINGS.openaiUrl.default,
    ollama: ollamaModel !== '',
  }
  const setups: Record<Provider, ProviderSetup> = {
    gemini: setup(settings.geminiModel, settings.geminiUrl, settings.geminiWindowTokens),
    openai: setup(settings.openaiModel, openaiUrl, settings.openaiWindowTokens),
    ollama: setup(ollamaModel, settings.ollamaUrl, settings.ollamaWindowTokens),
  }
  const names = Object.keys(setups) as Provider[]
  return new Map(names.filter((name) => isSetUp[name]).map((name) => [name, setups[name]]))
}

function setup(model: string, url: string, windowTokens: number): ProviderSetup {
  return { model, url: url.replace(/\/+$/, ''), windowTokens }
}

/** The bounds of the pool. */
export function boundsFrom(settings: Settings, callers: TokenStore) {
  const { slots, capacity, maxParked, graceMs, headStartMs, maxQueuedPerCaller, maxRunningPerCaller } =
    settings
  return {
    slots,
    capacity,
    maxParked,
    graceMs,
    headStartMs,
    maxQueuedPerCaller,
    maxRunningPerCaller,
    maxStuck: settings.maxStuck ?? slots,
    weightOf: settings.isFair ? (caller: string) => callers.named(caller)?.weight ?? 1 : null,
  }
}

/** Share of the granted memory at which no new task starts, where no setting defines it. */
const MEMORY_SHARE = 0.8

/**
 * Limits and keys of the resources: the settings' word counts where a task type has one too.
 *
 * @param builtin what the built-in tasks draw from
 */
export function resourcesFrom(settings: Settings, registry: Registry, builtin: Pick<Analysis, 'resources'>) {
  const limits = new Map<string, ResourceLimits>(builtin.resources)
  for (const type of registry.all) for (const [name, own] of resourcesOf(type)) limits.set(name, own)
  for (const [name, own] of settings.resources) limits.set(name, own)
  for (const name of settings.resourceKeys.keys()) {
    if (!limits.has(name)) {
      throw new HeadgateError('invalid-setting', `RESOURCE_KEYS: no resource is named "${name}".`)
    }
  }
  return { limits, keys: listKeys(settings) }
}

/** The keys of the models beside those of RESOURCE_KEYS, which go before. */
function listKeys({
  resourceKeys,
  geminiKey,
  openaiKey,
}: Settings): ReadonlyMap<string, readonly ProjectKey[]> {
  const keys = new Map(resourceKeys)
  for (const [name, key] of Object.entries({ gemini: geminiKey, openai: openaiKey })) {
    if (key !== '' && !keys.has(name)) keys.set(name, [{ project: 'default', key }])
  }
  return keys
}

function resourcesOf({ resources = {} }: TaskType) {
  return Object.entries(resources)
}

/** Resident memory of this process; NaN when it cannot be read, as without a free file descriptor. */
function readResidentMemory(): number {
  try {
    return process.memoryUsage.rss()
  } catch {
    return NaN
  }
}

/** While memory or the event loop is short, nothing new starts. */
export function createPressure(
  settings: Settings,
  pool: QueueControls,
  { clock, log }: { clock: Clock; log: Logger },
) {
  const granted = Math.min(totalmem(), process.constrainedMemory() || Infinity)
  return new Pressure({
    maxMemoryBytes: settings.maxMemoryBytes ?? granted * MEMORY_SHARE,
    maxLoopDelayMs: settings.maxLoopDelayMs,
    clock,
    memoryBytes: readResidentMemory,
    changed: (shortage, isShort) => {
      log.warn(
        { shortage, isShort },
        isShort ? 'task starts paused: shortage' : 'task starts resumed: shortage over',
      )
      if (isShort) pool.pause(shortage)
      else pool.resume(shortage)
    },
  })
}
