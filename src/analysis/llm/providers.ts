import type { LanguageModel } from 'ai'
import { z } from 'zod'
import { TaskError } from '../../task/failure.ts'
import type { Fetch } from '../../fetch/timed-fetch.ts'
import type { Encoding } from '../write/model/manuscript.ts'

/** Also the name of the resource that its calls draw from. */
export type Provider = 'gemini' | 'openai' | 'ollama'

/** USD for a million tokens. */
export interface Price {
  readonly input: number
  readonly output: number
}

/** How one provider is set up. */
export interface ProviderSetup {
  readonly model: string
  /** With its version path, e.g. `https://api.openai.com/v1`. */
  readonly url: string
  readonly windowTokens: number
}

/** One model that can write. */
export interface Model extends ProviderSetup {
  readonly provider: Provider
  /** `provider:model`. */
  readonly id: string
  readonly price: Price | null
  readonly encoding: Encoding
  /** What the counted tokens are multiplied by: 1 where the encoding is the model's own. */
  readonly tokenFactor: number
  /** Counts the tokens of a text as the model does; absent where its provider does not. */
  readonly countTokens?: (text: string, key: string | null, signal: AbortSignal) => Promise<number>
  /** Loads the library that speaks to it, which holds the event loop for a large part of a second. */
  readonly load: () => Promise<void>
  /** Speaks to it with a key; null: with none. */
  readonly open: (key: string | null) => Promise<LanguageModel>
}

/** Families with another encoding use fewer characters a token, at worst by this factor. */
const FOREIGN_FACTOR = 1.25
const OPENAI_HOST = 'api.openai.com'

// The library writes warnings to the console; this project logs with pino.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false })

export function createModel(
  provider: Provider,
  setup: ProviderSetup,
  { price, fetch: line }: { readonly price: Price | null; readonly fetch: Fetch },
): Model {
  const fetch = refusingPages(line)
  const known = provider === 'openai' ? detectEncoding(setup.model) : undefined
  return {
    ...setup,
    provider,
    id: `${provider}:${setup.model}`,
    price,
    encoding: known ?? 'o200k_base',
    tokenFactor: known === undefined ? FOREIGN_FACTOR : 1,
    load: async () => {
      await import('ai')
      await (provider === 'gemini' ? import('@ai-sdk/google') : import('@ai-sdk/openai-compatible'))
    },
    ...(provider === 'gemini'
      ? { open: openGemini(setup, fetch), countTokens: countByGemini(setup, fetch) }
      : { open: openCompatible(provider, setup, fetch) }),
  }
}

function openGemini({ model, url }: ProviderSetup, fetch: Fetch): Model['open'] {
  return async (key) => {
    const { createGoogleGenerativeAI } = await import('@ai-sdk/google')
    return createGoogleGenerativeAI({ baseURL: url, apiKey: key ?? '', fetch })(model)
  }
}

const tokenCount = z.object({ totalTokens: z.int().min(0) })

/** https://ai.google.dev/api/tokens */
function countByGemini({ model, url }: ProviderSetup, fetch: Fetch): NonNullable<Model['countTokens']> {
  return async (text, key, signal) => {
    const response = await fetch(`${url}/models/${model}:countTokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-goog-api-key': key ?? '' },
      body: JSON.stringify({ contents: [{ role: 'user', parts: [{ text }] }] }),
      signal,
    })
    const body: unknown = await response.json()
    if (!response.ok)
      throw Object.assign(new Error(`Gemini answered ${response.status}.`), { status: response.status })
    return tokenCount.parse(body).totalTokens
  }
}

function openCompatible(provider: Provider, { model, url }: ProviderSetup, fetch: Fetch): Model['open'] {
  const isOpenAI = new URL(url).host === OPENAI_HOST
  return async (key) => {
    const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
    return createOpenAICompatible({
      name: provider,
      baseURL: url,
      fetch,
      includeUsage: true,
      // Others may know only that it has to be JSON.
      supportsStructuredOutputs: isOpenAI || provider === 'ollama',
      ...(key === null ? {} : { apiKey: key }),
      ...(isOpenAI ? { transformRequestBody: asOpenAI } : {}),
    }).chatModel(model)
  }
}

/** A page where a reply was expected comes from an address that is none of a model. */
function refusingPages(fetch: Fetch): Fetch {
  return async (input, init) => {
    const response = await fetch(input, init)
    if (!response.ok || !/^text\/html\b/i.test(response.headers.get('content-type') ?? '')) return response
    await response.body?.cancel()
    const { host } = new URL(input instanceof Request ? input.url : input.toString())
    throw new TaskError('execution_error', `${host} sent a page where the reply of a model was expected.`, {
      suggestions: ['Check the base URL of the model.'],
    })
  }
}

/** OpenAI's newer models know the limit of a reply by its newer name alone. */
function asOpenAI({ max_tokens: limit, ...body }: Record<string, unknown>): Record<string, unknown> {
  return limit === undefined ? body : { ...body, max_completion_tokens: limit }
}

/** The encoding of OpenAI's models by their names; undefined for others' models. */
function detectEncoding(model: string): Encoding | undefined {
  if (/^(gpt-4o|gpt-4\.|gpt-5|chatgpt|o[1-9]|gpt-oss)/.test(model)) return 'o200k_base'
  return /^gpt-(4|3\.5)/.test(model) ? 'cl100k_base' : undefined
}
