import type { Logger } from 'pino'
import type { Connector } from '../fetch/connector.ts'
import type { Delivery, DeliveryJournal } from '../journal/deliveries.ts'
import type { TaskJournal } from '../journal/journal.ts'
import { MAX_TIMER_MS, type Clock } from '../task/clock.ts'
import { reached } from '../milestone.ts'
import type { Task } from '../task/task.ts'
import { waitAfter } from './schedule.ts'
import { headersOf } from './signature.ts'

export interface WebhooksParts {
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

const TIMEOUT_MS = 15_000
/** Deliveries under way at once. */
const AT_ONCE = 8
const GONE = 410
/** A fault of the journal is tried again after this long. */
const RETRY_MS = 5000

/**
 * Tells the ends of tasks to whoever asked (Standard Webhooks): signed, at least once, with the same
 * `webhook-id` each time, again and again over a day. What is owed stands in the journal, so it outlives the
 * process.
 */
export class Webhooks {
  readonly #parts: WebhooksParts
  readonly #stopped = new AbortController()
  #takeBackTimer: (() => void) | null = null
  #round: Promise<void> | null = null
  #isWanted = false

  constructor(parts: WebhooksParts) {
    this.#parts = parts
  }

  /** Sends what is due now, and later what will be. Called again whenever a delivery is added. */
  start(): void {
    if (this.#stopped.signal.aborted) return
    this.#isWanted = true
    this.#round ??= this.#rounds().finally(() => {
      this.#round = null
      // One may have been added after the last look.
      if (this.#isWanted) this.start()
    })
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('stopped'))
    this.#takeBackTimer?.()
    await this.#round
  }

  async #rounds(): Promise<void> {
    const { deliveries, clock, log } = this.#parts
    try {
      while (this.#isWanted && !this.#isStopped) {
        this.#isWanted = false
        const due = await deliveries.due(clock.now(), AT_ONCE)
        await Promise.all(due.map((delivery) => this.#deliver(delivery)))
        if (due.length === AT_ONCE) this.#isWanted = true
      }
      if (!this.#isStopped) this.#wakeAt(await deliveries.nextAt())
    } catch (error) {
      if (this.#isStopped) return
      log.error({ err: error }, 'webhooks cannot be read or written down')
      this.#isWanted = false
      this.#wakeAt(clock.now() + RETRY_MS)
    }
  }

  get #isStopped(): boolean {
    return this.#stopped.signal.aborted
  }

  #wakeAt(at: number | null): void {
    this.#takeBackTimer?.()
    if (at === null) return
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, at - this.#parts.clock.now()))
    this.#takeBackTimer = this.#parts.clock.after(ms, () => this.start())
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const { deliveries, tasks, log } = this.#parts
    const { id, taskId, caller, url } = delivery
    const task = await tasks.find(taskId)
    if (task === undefined) return deliveries.settle(id)
    const status = await this.#send(delivery, task)
    // A stop says nothing about the receiver: the next process tries again.
    if (this.#isStopped && status === null) return
    reached('webhook-sent')
    if (status !== null && status >= 200 && status < 300) await deliveries.settle(id)
    else if (status === GONE) {
      log.warn({ taskId, caller }, 'a webhook address wants no more')
      await deliveries.settleAll(caller, url)
    } else await this.#postpone(delivery, status)
    reached('webhook-settled')
  }

  async #postpone({ id, taskId, attempt }: Delivery, status: number | null): Promise<void> {
    const { deliveries, clock, random, log } = this.#parts
    const waitMs = waitAfter(attempt + 1, random())
    log.warn({ taskId, attempt: attempt + 1, status, waitMs }, 'a webhook was not taken')
    if (waitMs === null) await deliveries.settle(id)
    else await deliveries.postpone(id, attempt + 1, clock.now() + waitMs)
  }

  /** The status of the reply; null: there was none. */
  async #send({ id, url, secret: own }: Delivery, task: Task): Promise<number | null> {
    const { connector, clock, viewOf, secret, log } = this.#parts
    const key = own ?? (id === `msg_${task.id}` ? task.webhook?.secret : null) ?? secret
    if (key === '') {
      log.error(
        { taskId: task.id },
        'a webhook is owed and WEBHOOK_SECRET, under which it was accepted, is not set',
      )
      return null
    }
    const at = task.finishedAt ?? clock.now()
    const type = `task.${task.status}`
    const body = JSON.stringify({ type, timestamp: new Date(at).toISOString(), data: viewOf(task) })
    const timestamp = Math.floor(clock.now() / 1000)
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(TIMEOUT_MS)])
    try {
      const told = await connector.tell(url, {
        body,
        headers: headersOf({ id, timestamp, body }, key),
        signal,
      })
      return told.status
    } catch (error) {
      log.debug({ err: error, taskId: task.id }, 'a webhook did not arrive')
      return null
    }
  }
}
