import type { FeedEvent } from '../task/event.ts'

export interface SubscriptionLimits {
  /** Events that may be queued for one reader; at the limit it is too slow and its subscription ends. */
  readonly maxQueued: number
  /** Text that may wait for one reader, in UTF-16 units. */
  readonly maxQueuedChars: number
}

export type SubscriptionEnd = 'closed' | 'too-slow'

/**
 * The events of one task for one reader: a bounded queue and an async iterator over it. Publishing never
 * waits. A reader that falls behind loses unnumbered events first; then its subscription ends as
 * `too-slow`, and it can resume by number without a loss.
 */
export class Subscription implements AsyncIterable<FeedEvent> {
  /** Settles once, when nothing more will come. */
  readonly ended: Promise<SubscriptionEnd>
  readonly #limits: SubscriptionLimits
  readonly #left: () => void
  readonly #queue: FeedEvent[] = []
  #queuedChars = 0
  #end: SubscriptionEnd | null = null
  #wake: (() => void) | null = null
  #isToBeWoken = false
  #settleEnded!: (end: SubscriptionEnd) => void

  constructor(limits: SubscriptionLimits, left: () => void) {
    this.#limits = limits
    this.#left = left
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve))
  }

  /** Queues an event. The reply is whether its reader waits for one: then it has to be woken. */
  offer(feedEvent: FeedEvent): boolean {
    if (this.#end !== null) return false
    if (feedEvent.type === 'position' && this.#queue.length > 0) return false
    const chars = countChars(feedEvent)
    const isFull =
      this.#queue.length >= this.#limits.maxQueued ||
      (this.#queue.length > 0 && this.#queuedChars + chars > this.#limits.maxQueuedChars)
    if (isFull) {
      this.#finish('too-slow')
      return false
    }
    this.#queue.push(feedEvent)
    this.#queuedChars += chars
    if (this.#wake === null || this.#isToBeWoken) return false
    this.#isToBeWoken = true
    return true
  }

  /** Lets a reader that waits take what is queued. */
  wake(): void {
    this.#isToBeWoken = false
    this.#wake?.()
  }

  /** What was queued before is still read. */
  close(): void {
    this.#finish('closed')
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FeedEvent, void, undefined> {
    try {
      for (;;) {
        const feedEvent = this.#queue.shift()
        if (feedEvent !== undefined) {
          this.#queuedChars -= countChars(feedEvent)
          yield feedEvent
        } else if (this.#end !== null) {
          return
        } else {
          await new Promise<void>((resolve) => (this.#wake = resolve))
          this.#wake = null
        }
      }
    } finally {
      this.close()
    }
  }

  #finish(end: SubscriptionEnd): void {
    if (this.#end !== null) return
    this.#end = end
    if (end === 'too-slow') this.#queue.length = 0
    this.#left()
    this.#settleEnded(end)
    this.#wake?.()
  }
}

function countChars(feedEvent: FeedEvent): number {
  if (feedEvent.type === 'output') return feedEvent.chunk.length
  return feedEvent.type === 'log' ? feedEvent.message.length : 0
}
