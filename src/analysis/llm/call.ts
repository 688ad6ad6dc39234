import type { FlexibleSchema } from 'ai'
import type { Context } from '../../handler/context/context.ts'
import { TaskError } from '../../task/failure.ts'
import type { Model } from './providers.ts'
import type { Usage } from './budget.ts'

/** What a model is asked. */
export interface Prompt {
  /** Who it is and what it must not do. */
  readonly system: string
  readonly prompt: string
  /** Of both, as counted. */
  readonly tokens: number
  readonly maxOutputTokens: number
  /** Present: the reply has to be JSON of this shape, as far as the model can be held to it. */
  readonly shape?: FlexibleSchema<unknown>
}

export interface Reply {
  readonly text: string
  readonly usage: Usage
}

/** What a reply is expected to take of a limit of tokens; what it took is corrected afterwards. */
const EXPECTED_OUTPUT_TOKENS = 1000
/** Several times the longest reply that is asked for. */
const MAX_REPLY_CHARS = 200_000
/** Used where a provider does not report its count. */
const CHARS_PER_TOKEN = 4

/**
 * Calls a model once, within the limits of its resource; the text is passed on as it arrives.
 *
 * @throws what ends the call, to be classified by the retry policy; no call is repeated here.
 */
export async function callModel(
  model: Model,
  prompt: Prompt,
  { ctx, onText }: { readonly ctx: Context; readonly onText: (text: string) => void },
): Promise<Reply> {
  const tokens = Math.ceil(prompt.tokens + EXPECTED_OUTPUT_TOKENS)
  return ctx.resource(model.provider, { tokens }, async ({ key, used }) => {
    // A reply that was given up must not continue in the background.
    const given = new AbortController()
    const signal = AbortSignal.any([ctx.signal, given.signal])
    try {
      const reply = await converse(model, prompt, { key, onText, signal })
      used(reply.usage.inputTokens + reply.usage.outputTokens)
      return reply
    } catch (error) {
      given.abort()
      throw ctx.signal.aborted ? ctx.signal.reason : await namedError(error, model, key)
    }
  })
}

interface Conversation {
  readonly key: string | null
  readonly onText: (text: string) => void
  readonly signal: AbortSignal
}

async function converse(model: Model, prompt: Prompt, { key, onText, signal }: Conversation): Promise<Reply> {
  const { system, prompt: asked, maxOutputTokens, shape } = prompt
  const { Output, streamText } = await import('ai')
  const output = shape === undefined ? undefined : asText(Output.object({ schema: shape }))
  const { fullStream } = streamText({
    model: await model.open(key),
    system,
    prompt: asked,
    maxOutputTokens,
    abortSignal: signal,
    // The queue tries again; a second layer would multiply the calls.
    maxRetries: 0,
    // Also part of the stream, where it is thrown.
    onError: () => undefined,
    ...(output === undefined ? {} : { output }),
  })
  let text = ''
  for await (const part of fullStream) {
    if (part.type === 'error') throw part.error
    if (part.type === 'abort') signal.throwIfAborted()
    if (part.type === 'text-delta') {
      text += part.text
      if (text.length > MAX_REPLY_CHARS)
        throw new TaskError('execution_error', `${model.id} does not stop writing.`)
      onText(part.text)
    }
    if (part.type !== 'finish') continue
    if (part.finishReason === 'content-filter') {
      throw new TaskError('content_blocked', `${model.id} refuses to write about this document.`)
    }
    if (text.trim() === '') throw new TaskError('execution_error', `${model.id} gave an empty reply.`)
    const {
      inputTokens = Math.ceil(prompt.tokens),
      outputTokens = Math.ceil(text.length / CHARS_PER_TOKEN),
    } = part.totalUsage
    return { text, usage: { calls: 1, inputTokens, outputTokens } }
  }
  throw brokenOff(model)
}

/** The library would parse the whole reply again with every chunk, so it is requested as text. */
function asText<Spec extends object>(output: Spec): Spec {
  return { ...output, parsePartialOutput: ({ text }: { text: string }) => Promise.resolve({ partial: text }) }
}

/** The error under a name that the retry policy knows, or as it is, without the key in its message. */
async function namedError(error: unknown, model: Model, key: string | null): Promise<unknown> {
  const { InvalidResponseDataError, JSONParseError, TypeValidationError } = await import('ai')
  // A reply that is no whole message was cut on its way.
  const broken = [InvalidResponseDataError, JSONParseError, TypeValidationError]
  if (broken.some((kind) => kind.isInstance(error))) return brokenOff(model, error)
  const isTelling = key !== null && key !== '' && error instanceof Error && error.message.includes(key)
  return isTelling ? new Error(error.message.replaceAll(key, '…'), { cause: error }) : error
}

function brokenOff(model: Model, cause?: unknown): TaskError {
  return new TaskError('network_timeout', `${model.id} broke off in the middle of its reply.`, { cause })
}
