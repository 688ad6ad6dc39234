import { z } from 'zod'
import { whole } from '../bounds.ts'
import type { Row } from '../row.ts'

const ENGINES = ['gemini', 'openai', 'ollama', 'extractive'] as const
const address = z.url({ protocol: /^https?$/, error: 'expected an http or https address' })
const windowTokens = whole(2048, 100_000_000)
const limitSeconds = whole(1, 86_400).transform((value) => value * 1000)
const orNone = (max: number) => whole(0, max).transform((value) => (value === 0 ? Infinity : value))
const MAX_TOKENS = 1_000_000_000_000

const engines = z.string().transform((text, context) => {
  const names = text.split(',').map((name) => name.trim())
  const known = names.filter((name) =>
    ENGINES.some((engine) => engine === name),
  ) as (typeof ENGINES)[number][]
  const isGood = known.length === names.length && new Set(known).size === known.length
  if (!isGood) context.addIssue(`expected some of ${ENGINES.join(', ')}, each once, separated by commas`)
  return known
})

/** `gemini-2.5-flash=0.30/2.50`, separated by commas: USD for a million tokens in and out. */
const prices = z.string().transform((text, context) => {
  const found = new Map<string, { readonly input: number; readonly output: number }>()
  for (const item of text.split(',').map((part) => part.trim())) {
    if (item === '') continue
    const [, model = '', input, output] = /^(\S+)=(\d+(?:\.\d+)?)\/(\d+(?:\.\d+)?)$/.exec(item) ?? []
    if (model === '') context.addIssue(`"${item}": expected model=0.30/2.50`)
    else found.set(model, { input: Number(input), output: Number(output) })
  }
  return found
})

/** The models that write reports, and what they may cost. */
export const MODELS_SETTINGS = {
  engines: {
    env: 'ENGINES',
    default: 'gemini,openai,ollama,extractive',
    unit: 'list',
    meaning:
      'What writes reports, in this order: the first that is set up; the next when it fails for good. Some of gemini, openai, ollama, extractive.',
    schema: engines,
  },
  geminiKey: {
    env: 'GEMINI_API_KEY',
    default: '',
    unit: 'secret',
    meaning:
      'Key for Gemini; with it Gemini is set up. Several keys: RESOURCE_KEYS gemini/project=key. Empty: none.',
    isSecret: true,
    schema: z.string(),
  },
  geminiModel: {
    env: 'GEMINI_MODEL',
    default: 'gemini-2.5-flash',
    unit: 'name',
    meaning: 'The model of Gemini that writes.',
    schema: z.string().regex(/^[\w.:-]+$/, 'expected the name of a model'),
  },
  geminiUrl: {
    env: 'GEMINI_BASE_URL',
    default: 'https://generativelanguage.googleapis.com/v1beta',
    unit: 'address',
    meaning: 'Where Gemini answers.',
    schema: address,
  },
  geminiWindowTokens: {
    env: 'GEMINI_WINDOW_TOKENS',
    default: '1000000',
    unit: 'tokens',
    meaning:
      'What the model takes in one call, reply included; longer texts are condensed first. 2048 to 100000000.',
    schema: windowTokens,
  },
  openaiKey: {
    env: 'OPENAI_API_KEY',
    default: '',
    unit: 'secret',
    meaning:
      'Key for OpenAI, or for what speaks its language at OPENAI_BASE_URL; with it, or with another address, it is set up. Empty: none.',
    isSecret: true,
    schema: z.string(),
  },
  openaiModel: {
    env: 'OPENAI_MODEL',
    default: 'gpt-4.1-mini',
    unit: 'name',
    meaning: 'The model there that writes.',
    schema: z.string().regex(/^\S+$/, 'expected the name of a model'),
  },
  openaiUrl: {
    env: 'OPENAI_BASE_URL',
    default: 'https://api.openai.com/v1',
    unit: 'address',
    meaning:
      'Where OpenAI answers, or anything that speaks its chat completions: vLLM, llama.cpp, a gateway.',
    schema: address,
  },
  openaiWindowTokens: {
    env: 'OPENAI_WINDOW_TOKENS',
    default: '128000',
    unit: 'tokens',
    meaning: 'What the model takes in one call, reply included. 2048 to 100000000.',
    schema: windowTokens,
  },
  ollamaModel: {
    env: 'OLLAMA_MODEL',
    default: '',
    unit: 'name',
    meaning: 'The model of a local Ollama that writes; with it Ollama is set up. Empty: none.',
    schema: z.string().regex(/^\S*$/, 'expected the name of a model'),
  },
  ollamaUrl: {
    env: 'OLLAMA_BASE_URL',
    default: 'http://127.0.0.1:11434/v1',
    unit: 'address',
    meaning: 'Where Ollama answers, its OpenAI-compatible path included.',
    schema: address,
  },
  ollamaWindowTokens: {
    env: 'OLLAMA_WINDOW_TOKENS',
    default: '4096',
    unit: 'tokens',
    meaning:
      'What the model takes in one call, reply included: the same as OLLAMA_CONTEXT_LENGTH of Ollama, which cuts off what is over. 2048 to 100000000.',
    schema: windowTokens,
  },
  modelPrices: {
    env: 'MODEL_PRICES',
    default: '',
    unit: 'list',
    meaning:
      'USD for a million tokens in and out, separated by commas: gemini-2.5-flash=0.30/2.50. Without a price a cost is not known. Empty: none.',
    schema: prices,
  },
  maxTaskTokens: {
    env: 'MODEL_TASK_TOKENS',
    default: '2000000',
    unit: 'tokens',
    meaning:
      'What one task may use of models, in and out; at the limit it ends, or continues without a model. 0: no limit.',
    schema: orNone(MAX_TOKENS),
  },
  maxDayTokens: {
    env: 'MODEL_DAY_TOKENS',
    default: '0',
    unit: 'tokens',
    meaning: 'What all tasks may use of models in one day (UTC). 0: no limit.',
    schema: orNone(MAX_TOKENS),
  },
  maxDayUsd: {
    env: 'MODEL_DAY_USD',
    default: '0',
    unit: 'USD',
    meaning: 'What all tasks may cost in one day (UTC), by MODEL_PRICES. 0: no limit.',
    schema: orNone(1_000_000),
  },
  modelConnectMs: {
    env: 'MODEL_CONNECT_SECONDS',
    default: '5',
    unit: 'seconds',
    meaning: 'How long a connection to a model may take. 1 to 86400.',
    schema: limitSeconds,
  },
  modelFirstByteMs: {
    env: 'MODEL_FIRST_BYTE_SECONDS',
    default: '60',
    unit: 'seconds',
    meaning: 'How long a model may think before its reply begins. 1 to 86400.',
    schema: limitSeconds,
  },
  modelIdleMs: {
    env: 'MODEL_IDLE_SECONDS',
    default: '30',
    unit: 'seconds',
    meaning: 'How long a reply may pause once it has begun. 1 to 86400.',
    schema: limitSeconds,
  },
  modelTotalMs: {
    env: 'MODEL_CALL_SECONDS',
    default: '600',
    unit: 'seconds',
    meaning: 'How long one call of a model may take in all. 1 to 86400.',
    schema: limitSeconds,
  },
  modelParallel: {
    env: 'MODEL_PARALLEL_CALLS',
    default: '3',
    unit: 'calls',
    meaning: 'Calls that one report makes at once, as far as its resource has room. 1 to 100.',
    schema: whole(1, 100),
  },
} as const satisfies Record<string, Row>
