import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { computeDigest, newToken, type TokenRecord } from '../../src/auth/token.ts'
import { compose } from '../../src/app/app.ts'
import { readSettings } from '../../src/config/read.ts'
import type { Settings } from '../../src/config/settings.ts'
import type { TaskType } from '../../src/handler/define-task.ts'
import { createServer, LISTEN_BACKLOG } from '../../src/http/server/server.ts'

import { poolerSettings } from './pgbouncer.ts'
import { databaseSettings } from './test-database.ts'

export interface ServerGiven {
  readonly tasks?: readonly TaskType[]
  readonly settings?: Partial<Settings>
  /** A folder that outlives the server. */
  readonly folder?: string
  /** Takes the lines of the log, which is silent without it. */
  readonly log?: { readonly level: 'debug' | 'info'; readonly write: (line: string) => void }
}

/** A whole server on a free port of this machine, ended with the test. */
export async function startServer({
  tasks = [],
  settings: given = {},
  folder,
  log: taken,
}: ServerGiven = {}) {
  const dataDir = folder ?? (await mkdtemp(join(tmpdir(), 'headgate-test-')))
  // A test that names its database, or none, has what it names.
  const shared = given.databaseUrl === undefined ? await databaseSettings(dataDir) : {}
  const settings = {
    ...readSettings({ JOURNAL: process.env['TEST_JOURNAL'] ?? 'memory' }),
    ...shared,
    dataDir,
    stopWaitMs: 200,
    stopGraceMs: 200,
    reserveBytes: 0,
    ...poolerSettings(given.databaseUrl ?? ''),
    ...given,
  }
  const log = pino({ level: taken?.level ?? 'silent' }, taken)
  const fatal: unknown[] = []
  const core = await compose({ settings, log, tasks, prefix: '', onFatal: (error) => fatal.push(error) })
  const app = createServer({ log, ...settings })
  await app.register(core.httpPlugin)
  await core.start()
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket) => sockets.add(socket.once('close', () => sockets.delete(socket))))
  await app.listen({ host: '127.0.0.1', port: 0, backlog: LISTEN_BACKLOG })
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`

  let stopped: Promise<void> | null = null
  const stopOnce = async () => {
    await core.drain()
    const closing = app.close()
    const timer = setInterval(() => closeUnused(sockets), 20)
    await closing.finally(() => clearInterval(timer))
    await core.stop()
    if (folder === undefined) await rm(dataDir, { recursive: true, force: true })
  }
  const stop = () => (stopped ??= stopOnce())
  onTestFinished(stop)
  const begun = shared.databaseUrl === undefined ? undefined : shareLooks(() => whenBegun(url))
  const as = (headers: Record<string, string>) => clientOf(url, headers, begun)
  const server = { url, as, ws: `ws://127.0.0.1:${port}`, core, app, dataDir, fatal, stop }
  return { ...server, ...clientOf(url, {}, begun) }
}

/** In place of a connection that a test cuts off fetch opens another one, and a server waits for what never comes. */
function closeUnused(sockets: Iterable<Socket>): void {
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
}

export type Json = Record<string, any> // oxlint-disable-line typescript/no-explicit-any -- replies are checked by the tests

/** A token and what the server keeps of it. */
export function tokenFor(name: string, given: Partial<TokenRecord> = {}) {
  const token = newToken()
  const sha256 = computeDigest(token).toString('hex')
  const base = { role: 'caller', maxPriority: 3, createdAt: null, expiresAt: null } as const
  const record: TokenRecord = { name, ...base, sha256, ...given }
  return { token, record, headers: { authorization: `Bearer ${token}` } }
}

/** Requests to a server, each with `own` headers beside its own. */
export function clientOf(
  url: string,
  own: Record<string, string> = {},
  begun: () => Promise<void> = () => Promise.resolve(),
) {
  const read = async (response: Response) => {
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') ?? false
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: (isJson ? JSON.parse(text) : {}) as Json,
    }
  }
  const get = async (path: string, headers: Record<string, string> = {}) =>
    read(await fetch(url + path, { headers: { ...own, ...headers } }))
  const post = async (path: string, body: unknown = {}, more: Record<string, string> = {}) => {
    const headers = { 'content-type': 'application/json', ...own, ...more }
    const reply = await read(await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) }))
    if (reply.status === 202) await begun()
    return reply
  }
  const upload = async (
    path: string,
    content: string | Uint8Array<ArrayBuffer>,
    fields: Record<string, string> = {},
  ) => {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.append(name, value)
    form.append('file', new Blob([content]), fields['name'] ?? 'file.bin')
    form.delete('name')
    const reply = await read(await fetch(url + path, { method: 'POST', headers: own, body: form }))
    if (reply.status === 202) await begun()
    return reply
  }
  /** Polls by the server's own long poll until the task has ended. */
  const ended = async (id: string): Promise<Json> => {
    for (;;) {
      const { body } = await get(`/api/tasks/${id}?wait=10`)
      if (body['done'] === true) return body
    }
  }
  return { get, post, upload, ended, read }
}

/** A thousand submits at once ask once: who comes while a look is under way, waits for the next one. */
function shareLooks(look: () => Promise<void>): () => Promise<void> {
  let current = Promise.resolve()
  let next: Promise<void> | null = null
  return () => {
    next ??= current
      .catch(() => undefined)
      .then(() => {
        next = null
        return (current = look())
      })
    return next
  }
}

/** Tasks of a cluster start a moment after their 202: waits for those that find a slot. */
async function whenBegun(url: string): Promise<void> {
  const until = performance.now() + 3000
  while (performance.now() < until) {
    const stats = (await (await fetch(`${url}/api/queue/stats`)).json()) as Json
    if (stats['queue_size'] === 0 || stats['current_processing'] >= stats['max_workers'] || stats['paused'])
      return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
