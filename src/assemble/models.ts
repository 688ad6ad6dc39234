import type { ModelsOptions } from '../analysis/analysis.ts'
import type { Provider, ProviderSetup } from '../analysis/engine/model/models.ts'
import { SETTINGS, type Settings } from '../config/settings.ts'
import type { Clock } from '../task/clock.ts'

/** The longest reply that is asked for takes some 5 MB, an event for each token. */
const MAX_REPLY_BYTES = 8 * 1024 * 1024

/** The models that are set up: with a key, or where no key is needed. */
export function modelsOptions(settings: Settings, clock: Clock): ModelsOptions {
  const { maxDayTokens, maxDayUsd, maxTaskTokens, modelPrices, modelParallel } = settings
  return {
    order: settings.engines,
    providers: providersOf(settings),
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
function providersOf(settings: Settings): ReadonlyMap<Provider, ProviderSetup> {
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
