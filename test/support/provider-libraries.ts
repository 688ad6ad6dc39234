import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime'
import Anthropic from '@anthropic-ai/sdk'
import { GoogleGenAI } from '@google/genai'
import { GoogleGenerativeAI } from '@google/generative-ai'
import axios from 'axios'
import nodeFetch from 'node-fetch'
import OpenAI from 'openai'
import { request } from 'undici'

/** One call of a library to a provider at `url`, as a task would make it; it gives up after `timeoutMs`. */
export type Call = (url: string, timeoutMs: number) => Promise<unknown>

const KEY = 'not-a-secret'
const MESSAGES = [{ role: 'user' as const, content: 'Hello' }]

async function plainFetch(url: string, timeoutMs: number): Promise<unknown> {
  const reply = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(timeoutMs) })
  const body = await reply.text()
  if (reply.ok) return JSON.parse(body)
  throw Object.assign(new Error(`HTTP ${reply.status}`), { response: reply, body })
}

export const LIBRARIES: Readonly<Record<string, Call>> = {
  fetch: plainFetch,
  undici: async (url, timeoutMs) => {
    const { statusCode, headers, body } = await request(url, {
      method: 'POST',
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    })
    const text = await body.text()
    if (statusCode < 400) return JSON.parse(text)
    throw Object.assign(new Error(`HTTP ${statusCode}`), { statusCode, headers, body: text })
  },
  'node-fetch': async (url, timeoutMs) => {
    const reply = await nodeFetch(url, { method: 'POST', signal: AbortSignal.timeout(timeoutMs) })
    const body = await reply.text()
    if (reply.ok) return JSON.parse(body)
    throw Object.assign(new Error(`HTTP ${reply.status}`), { response: reply, body })
  },
  axios: (url, timeoutMs) => axios.post(url, {}, { timeout: timeoutMs, proxy: false }),
  openai: (url, timeoutMs) =>
    new OpenAI({ apiKey: KEY, baseURL: url, maxRetries: 0, timeout: timeoutMs }).chat.completions.create({
      model: 'any',
      messages: MESSAGES,
    }),
  anthropic: (url, timeoutMs) =>
    new Anthropic({ apiKey: KEY, baseURL: url, maxRetries: 0, timeout: timeoutMs }).messages.create({
      model: 'any',
      max_tokens: 10,
      messages: MESSAGES,
    }),
  '@google/genai': (url, timeoutMs) =>
    new GoogleGenAI({
      apiKey: KEY,
      httpOptions: { baseUrl: url, timeout: timeoutMs },
    }).models.generateContent({ model: 'any', contents: 'Hello' }),
  '@google/generative-ai': (url, timeoutMs) =>
    new GoogleGenerativeAI(KEY)
      .getGenerativeModel({ model: 'any' }, { baseUrl: url, timeout: timeoutMs })
      .generateContent('Hello'),
  aws: async (url, timeoutMs) => {
    const client = new BedrockRuntimeClient({
      region: 'us-east-1',
      endpoint: url,
      maxAttempts: 1,
      credentials: { accessKeyId: KEY, secretAccessKey: KEY },
      requestHandler: { requestTimeout: timeoutMs, throwOnRequestTimeout: true },
    })
    try {
      return await client.send(
        new ConverseCommand({ modelId: 'any', messages: [{ role: 'user', content: [{ text: 'Hello' }] }] }),
      )
    } finally {
      client.destroy()
    }
  },
}
