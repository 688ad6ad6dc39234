import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'

/** What one call of a model asked for. */
export interface ModelCall {
  readonly wire: 'openai' | 'gemini'
  /** `outline`, `chapter 1`, `notes`, `conclusion` or `tokens`. */
  readonly about: string
  readonly prompt: string
  readonly system: string
  readonly key: string
  readonly body: Record<string, unknown>
}

/** What becomes of a call: the usual reply, another one, or a fault. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly text?: string; readonly pieceMs?: number; readonly finish?: string }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly body: unknown
      readonly headers?: Record<string, string>
    }
  | { readonly kind: 'no-headers' }
  | { readonly kind: 'headers-only' }
  | { readonly kind: 'half' }
  | { readonly kind: 'cut' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'page' }
  | { readonly kind: 'endless' }

export type Plan = (call: ModelCall, nth: number) => Behaviour

export const ANSWER: Behaviour = { kind: 'answer' }
const PIECE_CHARS = 40

/** A loopback server that speaks the OpenAI and the Gemini wire, and knows every way to misbehave. */
export async function startModelServer(plan: Plan = () => ANSWER) {
  const calls: ModelCall[] = []
  const sockets = new Set<Socket>()
  const server = createServer((request, response) => void answer(request, response))
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = JSON.parse(await text(request)) as Record<string, unknown>
    const call = callOf(request, body)
    const nth = calls.filter(({ about }) => about === call.about).length + 1
    calls.push(call)
    if (call.about === 'tokens') {
      const body = JSON.stringify({ totalTokens: Math.ceil(call.prompt.length / 4) })
      return response.writeHead(200, { 'content-type': 'application/json' }).end(body)
    }
    await behave(plan(call, nth), call, response)
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return {
    calls,
    close,
    /** Connections that are open now. */
    sockets,
    openai: `${origin}/v1`,
    gemini: `${origin}/v1beta`,
    about: () => calls.map((call) => call.about),
  }
}

function callOf(request: IncomingMessage, body: Record<string, unknown>): ModelCall {
  const url = request.url ?? ''
  const isGemini = url.startsWith('/v1beta')
  const { messages = [] } = body as { messages?: { role: string; content: string }[] }
  const { contents = [], systemInstruction } = body as {
    contents?: { parts: { text: string }[] }[]
    systemInstruction?: { parts: { text: string }[] }
  }
  const parts = (found: { parts: { text: string }[] } | undefined) =>
    (found?.parts ?? []).map((part) => part.text).join('')
  const of = (role: string) => messages.find((message) => message.role === role)?.content ?? ''
  const prompt = isGemini ? parts(contents[0]) : of('user')
  return {
    wire: isGemini ? 'gemini' : 'openai',
    about: url.endsWith(':countTokens') ? 'tokens' : readMetadata(prompt),
    prompt,
    system: isGemini ? parts(systemInstruction) : of('system'),
    key: isGemini ? String(request.headers['x-goog-api-key']) : `${request.headers.authorization}`,
    body,
  }
}

function readMetadata(prompt: string): string {
  if (prompt.includes('Plan a report on this document')) return 'outline'
  const chapter = /Write the chapter "Chapter (\d+)"/.exec(prompt)?.[1]
  if (chapter !== undefined) return `chapter ${chapter}`
  return prompt.includes('Write the conclusion') ? 'conclusion' : 'notes'
}

/** What a well-behaved model says. */
export function usualText({ about, prompt }: Pick<ModelCall, 'about' | 'prompt'>): string {
  const least = Number(/chapters: (\d+) to \d+/.exec(prompt)?.[1] ?? 2)
  switch (about) {
    case 'outline': {
      const chapters = Array.from({ length: least }, (_, index) => ({
        title: `Chapter ${index + 1}`,
        focus: 'What is it?',
        sources: [index + 1],
      }))
      const key_points = [{ text: 'A point of the text.', sources: [1] }]
      return JSON.stringify({ title: 'A report', summary: 'It says much.', key_points, chapters })
    }
    case 'conclusion':
      return 'It all comes to this [1].'
    case 'notes':
      return `- A note on a part [${/\[(\d+)\]/.exec(prompt)?.[1] ?? 1}].`
    default:
      return `Text of ${about} as it was asked for [1]. It goes on with a second sentence [2].\n\n- An item [1][2]`
  }
}

async function behave(behaviour: Behaviour, call: ModelCall, response: ServerResponse): Promise<void> {
  const stream = () => response.writeHead(200, { 'content-type': 'text/event-stream' })
  const whole = pieces(call, usualText(call))
  switch (behaviour.kind) {
    case 'answer': {
      stream()
      const { text: answer = usualText(call), pieceMs = 0, finish } = behaviour
      for (const piece of pieces(call, answer, finish)) {
        if (pieceMs > 0) await new Promise((resolve) => setTimeout(resolve, pieceMs))
        response.write(piece)
      }
      return void response.end()
    }
    case 'status':
      response.writeHead(behaviour.status, { 'content-type': 'application/json', ...behaviour.headers })
      return void response.end(JSON.stringify(behaviour.body))
    case 'no-headers':
      return
    case 'headers-only':
      return stream().flushHeaders()
    case 'half':
      return void stream().write(whole[0])
    case 'cut':
      stream().write(whole[0])
      return void response.end('data: {"id":"1","choi')
    case 'reset':
      stream().write(whole[0], () => setTimeout(() => response.destroy(), 20))
      return
    case 'page':
      return void response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<html><body>Hello</body></html>')
    case 'endless': {
      stream()
      const piece = pieces(call, 'x'.repeat(64 * 1024))[0] ?? ''
      const more = () => {
        while (!response.destroyed && response.write(piece));
        if (!response.destroyed) response.once('drain', more)
      }
      return more()
    }
  }
}

/** The reply as events of the wire, with its usage at the end. */
function pieces({ wire, prompt }: ModelCall, answer: string, finish?: string): string[] {
  const parts =
    answer.length > 4096 ? [answer] : (answer.match(new RegExp(`[\\s\\S]{1,${PIECE_CHARS}}`, 'g')) ?? [])
  const tokens = { input: Math.ceil(prompt.length / 4), output: Math.ceil(answer.length / 4) }
  return wire === 'openai' ? openaiPieces(parts, tokens, finish) : geminiPieces(parts, tokens, finish)
}

interface Tokens {
  readonly input: number
  readonly output: number
}

function openaiPieces(parts: readonly string[], { input, output }: Tokens, finish = 'stop'): string[] {
  const chunk = (more: object) =>
    event({ id: '1', object: 'chat.completion.chunk', created: 1, model: 'm', ...more })
  const delta = (content: string) =>
    chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })
  const usage = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output }
  return [
    ...parts.map(delta),
    chunk({ choices: [{ index: 0, delta: {}, finish_reason: finish }] }),
    chunk({ choices: [], usage }),
    'data: [DONE]\n\n',
  ]
}

function geminiPieces(parts: readonly string[], { input, output }: Tokens, finish = 'STOP'): string[] {
  const usageMetadata = {
    promptTokenCount: input,
    candidatesTokenCount: output,
    totalTokenCount: input + output,
  }
  const candidate = (found: string) => ({ content: { role: 'model', parts: [{ text: found }] }, index: 0 })
  return [
    ...parts.map((part) => event({ candidates: [candidate(part)] })),
    event({ candidates: [{ ...candidate(''), finishReason: finish }], usageMetadata }),
  ]
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}
