import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import { clientOf, type Json } from '../../support/server.ts'

/** What a client knows of one of its tasks: the end is compared with it. */
export interface Promised {
  readonly n: number
  readonly kind: string
  isCancelled: boolean
}

/** Task types in the order in which they are submitted; `webhook` and `cancel` are `slow` ones. */
export const KINDS = [
  'slow',
  'flaky',
  'digest',
  'limited',
  'slow',
  'webhook',
  'nap',
  'cancel',
  'slow',
  'hold',
]

const textOf = (n: number) => `file ${n} `.repeat(5000)

export interface Submission {
  readonly kind: string
  readonly n: number
  /** Where webhooks go. */
  readonly host: string
}

/** Submits until it is accepted: a reply that was lost is asked for again under the same key. */
export async function submit({ kind, n, host }: Submission, urlNow: () => string): Promise<string> {
  const headers = { 'idempotency-key': `task ${n}` }
  for (;;) {
    const client = clientOf(urlNow(), headers)
    const webhook = { url: `http://${host}/hook`, secret: `whsec_${Buffer.alloc(24, 7).toString('base64')}` }
    const send = () => {
      if (kind === 'digest') return client.upload('/digest', textOf(n), { name: 'file.txt' })
      if (kind === 'flaky' || kind === 'limited') return client.post(`/${kind}`, { n })
      if (kind === 'nap' || kind === 'hold') return client.post(`/${kind}`, { n, ms: 200 })
      const input = { ms: kind === 'cancel' ? 5000 : 200, n }
      if (kind === 'webhook') return client.post('/api/tasks', { type: 'slow', input, webhook })
      return client.post('/slow', input)
    }
    const reply = await send().catch(() => null)
    if (reply?.status === 202) return String(reply.body['task_id'])
    expect([undefined, 409, 503]).toContain(reply?.status)
    await setTimeout(200)
  }
}

/** Whether a result is that of the input. */
export function isResultOf({ kind, n }: Promised, result: Json | null): boolean {
  if (kind === 'digest') return result?.['sha256'] === createHash('sha256').update(textOf(n)).digest('hex')
  return result?.['n'] === n
}

/** Whether a cancel was confirmed: then the task may not complete. */
export async function isCancelled(url: string, id: string): Promise<boolean> {
  for (;;) {
    const reply = await clientOf(url)
      .post(`/api/tasks/${id}/cancel`)
      .catch(() => null)
    if (reply !== null && reply.status < 300) return true
    if (reply?.status === 409) return false
    await setTimeout(200)
  }
}

/** Reads a stream to its end, from where it was when it breaks; the numbers of its events. */
export async function readNumbers(url: string): Promise<readonly number[]> {
  const numbers: number[] = []
  // More often than a stream can break here.
  for (let tries = 0; tries < 1000; tries += 1) {
    const headers = numbers.length === 0 ? {} : { 'last-event-id': `${numbers.at(-1)}` }
    const text = await fetch(url, { headers })
      .then((response) => response.text())
      .catch(() => '')
    for (const [, number] of text.matchAll(/^id: (\d+)$/gm)) numbers.push(Number(number))
    if (/"type": ?"(?:result|error)"/.test(text)) return numbers
    await setTimeout(200)
  }
  throw new Error(`${url} has no end`)
}

/** A receiver of webhooks. */
export async function createReceiver() {
  const ids = new Set<string>()
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      ids.add(String(request.headers['webhook-id']))
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { ids, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}
