import type { Logger } from 'pino'
import type { Connector, PostResult } from '../fetch/connector.ts'
import { hostOf } from '../fetch/failures.ts'
import type { Delivery, DeliveryJournal, TaskJournal } from '../journal/journal.ts'
import { MAX_TIMER_MS, type Clock } from '../time/clock.ts'
import { failpoint } from '../failpoints.ts'
import { parseRetryAfter } from '../time/parse-retry-after.ts'
import type { Task } from '../task/task.ts'
import { waitAfter } from './schedule.ts'
import { signHeaders } from './signature.ts'

export interface WebhooksDeps {
  readonly deliveries: DeliveryJournal
  readonly tasks: TaskJournal
  readonly connector: Connector
  /** Signs where a submit named no secret; empty: there is none. */
  readonly secret: string
  /** A task as its reader sees it. */
  readonly viewOf: (task: Task) => unknown
  readonly clock: Clock
  readonly random: () => number
  readonly log: Logger
}

interface UnderWay {
  readonly caller: string
  readonly host: string
  readonly sent: Promise<void>
}

const TIMEOUT_MS = 15_000
/** Deliveries under way at once: of all, to one host, and of one caller, so that none of these delays the others. */
const AT_ONCE = { all: 64, host: 2, caller: 56 }
/** Due deliveries that are read at a time, and in one look. */
const PAGE = 100
const MAX_LOOKED_AT = 5000
const GONE = 410
/** A fault of the journal is tried again after this long. */
const RETRY_MS = 5000
/** Longest wait that a receiver may ask for. */
const MAX_RETRY_AFTER_MS = 24 * 3600 * 1000

/**
 * Sends the ends of tasks to webhooks (Standard Webhooks): signed, at least once, with the same
 * `webhook-id` each time, again and again over a day. Pending deliveries are in the journal, so they outlive the
 * process. A place that gets free takes the next delivery at once: a receiver that hangs delays only its own.
 */
export class Webhooks {
  readonly #deps: WebhooksDeps
  readonly #stopped = new AbortController()
  readonly #underWay = new Map<string, UnderWay>()
  /** Deliveries whose try ended since the journal was last asked: what it answers may be older. */
  readonly #ended = new Set<string>()
  #clearTimer: (() => void) | null = null
  #looking: Promise<void> | null = null
  #isWanted = false
  /** After a fault of the journal: ends the pause. */
  #endPause: (() => void) | null = null

  constructor(deps: WebhooksDeps) {
    this.#deps = deps
  }

  /** Sends what is due now, and later what will be. Called again whenever a delivery is added. */
  start(): void {
    if (this.#isStopped || this.#endPause !== null) return
    this.#isWanted = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
      // One may have been added, or have ended, after the last look.
      if (this.#isWanted) this.start()
    })
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('stopped'))
    this.#clearTimer?.()
    this.#endPause?.()
    await this.#looking
    await Promise.all([...this.#underWay.values()].map(({ sent }) => sent))
  }

  get #isStopped(): boolean {
    return this.#stopped.signal.aborted
  }

  async #look(): Promise<void> {
    const { deliveries, clock } = this.#deps
    try {
      while (this.#isWanted && !this.#isStopped) {
        this.#isWanted = false
        await this.#sendDue(clock.now())
      }
      if (!this.#isStopped) this.#wakeAt(await deliveries.nextAt(clock.now()))
    } catch (error) {
      this.#failed(error)
    }
  }

  /** Begins as many as there are places for, those that are due longest first. */
  async #sendDue(now: number): Promise<void> {
    const { deliveries } = this.#deps
    for (let offset = 0; offset < MAX_LOOKED_AT; offset += PAGE) {
      this.#ended.clear()
      const due = await deliveries.due(now, PAGE, offset)
      for (const delivery of due) if (this.#hasPlaceFor(delivery)) this.#begin(delivery)
      if (due.length < PAGE || this.#isStopped || this.#underWay.size >= AT_ONCE.all) return
    }
  }

  #hasPlaceFor({ id, caller, url }: Delivery): boolean {
    if (
      this.#isStopped ||
      this.#underWay.has(id) ||
      this.#ended.has(id) ||
      this.#underWay.size >= AT_ONCE.all
    )
      return false
    const host = hostOf(url)
    let [ofHost, ofCaller] = [0, 0]
    for (const other of this.#underWay.values()) {
      if (other.host === host) ofHost += 1
      if (other.caller === caller) ofCaller += 1
    }
    return ofHost < AT_ONCE.host && ofCaller < AT_ONCE.caller
  }

  #begin(delivery: Delivery): void {
    const sent = this.#deliver(delivery)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#underWay.delete(delivery.id)
        this.#ended.add(delivery.id)
        this.start()
      })
    const { id, caller, url } = delivery
    this.#underWay.set(id, { caller, host: hostOf(url), sent })
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return
    this.#deps.log.error({ err: error }, 'webhook journal failed')
    this.#isWanted = false
    this.#endPause ??= this.#deps.clock.after(RETRY_MS, () => {
      this.#endPause = null
      this.start()
    })
  }

  #wakeAt(at: number | null): void {
    this.#clearTimer?.()
    if (at === null) return
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, at - this.#deps.clock.now()))
    this.#clearTimer = this.#deps.clock.after(ms, () => this.start())
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { deliveries, tasks, log } = this.#deps
    const { id, taskId, caller, url } = delivery
    const task = await tasks.find(taskId)
    if (task === undefined) return deliveries.settle(id)
    const reply = await this.#send(delivery, task)
    const status = reply?.status ?? null
    // A stop proves nothing about the receiver: the next process tries again.
    if (this.#isStopped && status === null) return
    failpoint('webhook-sent')
    if (status !== null && status >= 200 && status < 300) await deliveries.settle(id)
    else if (status === GONE) {
      log.warn({ taskId, caller }, 'webhook endpoint gone')
      await deliveries.settleAll(caller, url)
    } else await this.#postpone(delivery, reply)
    failpoint('webhook-settled')
  }

  async #postpone({ id, taskId, attempt }: Delivery, reply: PostResult | null): Promise<void> {
    const { deliveries, clock, random, log } = this.#deps
    const status = reply?.status ?? null
    const asked =
      reply?.retryAfter == null ? null : parseRetryAfter(reply.retryAfter, clock.now(), MAX_RETRY_AFTER_MS)
    const planned = waitAfter(attempt + 1, random())
    const waitMs = planned === null ? null : Math.max(planned, asked ?? 0)
    log.warn({ taskId, attempt: attempt + 1, status, waitMs }, 'webhook delivery refused')
    if (waitMs === null) await deliveries.settle(id)
    else await deliveries.postpone(id, attempt + 1, clock.now() + waitMs)
  }

  /** The reply; null: there was none. */
  async #send({ id, url, secret: own }: Delivery, task: Task): Promise<PostResult | null> {
    const { connector, clock, viewOf, secret, log } = this.#deps
    const key = own ?? (id === `msg_${task.id}` ? task.webhook?.secret : null) ?? secret
    if (key === '') {
      log.error(
        { taskId: task.id },
        'webhook secret missing: set WEBHOOK_SECRET, with which the pending delivery was accepted',
      )
      return null
    }
    const at = task.finishedAt ?? clock.now()
    const type = `task.${task.status}`
    const body = JSON.stringify({ type, timestamp: new Date(at).toISOString(), data: viewOf(task) })
    const timestamp = Math.floor(clock.now() / 1000)
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(TIMEOUT_MS)])
    try {
      const traceparent = task.trace?.traceparent ?? null
      const traced = traceparent === null ? {} : { traceparent }
      const headers = { ...signHeaders({ id, timestamp, body }, key), ...traced }
      return await connector.post(url, { body, headers, signal })
    } catch (error) {
      log.debug({ err: error, taskId: task.id }, 'webhook delivery failed')
      return null
    }
  }
}
