import { Client } from 'pg'
import type { Clock } from '../../time/clock.ts'
import type { Statements } from '../database/database.ts'

const CHANNEL = 'headgate'
/** Of events alone: most hints are of events, and who only runs tasks needs none of them. */
const EVENTS_CHANNEL = 'headgate_events'
/** PostgreSQL takes payloads below 8000 bytes. */
const IDS_PER_HINT = 150
const RECONNECT_MS = { min: 100, max: 2000 }
const CONNECT_TIMEOUT_MS = 2000

/** What somebody else may want to look at now; it may be lost, and a poll stands behind each. */
export type Hint =
  /** Tickets can be taken. */
  | { readonly kind: 'work' }
  /** These tasks have new events. */
  | { readonly kind: 'tasks'; readonly ids: readonly string[] }
  /** These tasks were cancelled while they run. */
  | { readonly kind: 'stop'; readonly ids: readonly string[] }
  /** A webhook is due. */
  | { readonly kind: 'webhooks' }
  /** Calls of these members may be made: a resource has room for them. */
  | { readonly kind: 'resources'; readonly ids: readonly string[] }
  /** An operator has changed what is set. */
  | { readonly kind: 'controls' }

/** Sends hints: after the commit, in a transaction of their own, because a commit with one waits for all others. */
export async function sendHints(db: Statements, hints: readonly Hint[]): Promise<void> {
  const given = hints.flatMap((hint) => {
    const channel = hint.kind === 'tasks' ? EVENTS_CHANNEL : CHANNEL
    return toPayloads(hint).map((payload) => [channel, payload] as const)
  })
  if (given.length === 0) return
  await db.query(
    'SELECT pg_notify(channel, payload) FROM unnest($1::text[], $2::text[]) AS given(channel, payload)',
    [given.map(([channel]) => channel), given.map(([, payload]) => payload)],
  )
}

function toPayloads(hint: Hint): string[] {
  if (!('ids' in hint)) return [JSON.stringify(hint)]
  const payloads: string[] = []
  for (let from = 0; from < hint.ids.length; from += IDS_PER_HINT) {
    payloads.push(JSON.stringify({ ...hint, ids: hint.ids.slice(from, from + IDS_PER_HINT) }))
  }
  return payloads
}

export interface ListenerOptions {
  readonly url: string
  readonly clock: Clock
  /** Whether hints of events are received, too. */
  readonly hasEvents: boolean
  readonly onHint: (hint: Hint) => void
  /** It listens, for the first time or again: what was missed has to be looked for. null: the connection is gone. */
  readonly onConnection: (client: Client | null) => void
}

/** Receives hints over a connection of its own, and opens another one when that fails. */
export class Listener {
  readonly #options: ListenerOptions
  #client: Client | null = null
  #isStopped = false
  #delayMs = RECONNECT_MS.min
  #cancelTimer: (() => void) | null = null

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  /** Settles after the first try. */
  async start(): Promise<void> {
    const { url, hasEvents, onHint, onConnection } = this.#options
    const client = new Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    })
    client.on('error', () => this.#reconnect(client))
    client.on('end', () => this.#reconnect(client))
    client.on('notification', ({ payload = '' }) => onHint(JSON.parse(payload) as Hint))
    try {
      await client.connect()
      await client.query(`LISTEN ${CHANNEL}`)
      if (hasEvents) await client.query(`LISTEN ${EVENTS_CHANNEL}`)
    } catch {
      this.#reconnect(client)
      return
    }
    // It was stopped while it connected.
    if (this.#isStopped) return void client.end().catch(() => undefined)
    this.#client = client
    this.#delayMs = RECONNECT_MS.min
    onConnection(client)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancelTimer?.()
    await this.#client?.end().catch(() => undefined)
  }

  #reconnect(failed: Client): void {
    failed.removeAllListeners()
    failed.on('error', () => undefined)
    if (this.#client === failed) {
      this.#client = null
      this.#options.onConnection(null)
    }
    void failed.end().catch(() => undefined)
    if (this.#isStopped) return
    this.#cancelTimer = this.#options.clock.after(this.#delayMs, () => void this.start())
    this.#delayMs = Math.min(RECONNECT_MS.max, this.#delayMs * 2)
  }
}
