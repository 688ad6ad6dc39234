import type { News } from '../task/event.ts'

export interface SubscriptionLimits {
  /** News that may wait for one reader; at the limit it is too slow and its subscription ends. */
  readonly maxQueued: number
  /** Text that may wait for one reader, in UTF-16 units. */
  readonly maxQueuedChars: number
}

export type SubscriptionEnd = 'closed' | 'too-slow'

/**
 * The news of one task for one reader: a bounded queue and an async iterator over it. Publishing never
 * waits. A reader that falls behind loses unnumbered news first; then its subscription ends as
 * `too-slow`, and it can resume by number without a loss.
 */
export class Subscription implements AsyncIterable<News> {
  /** Settles once, when nothing more will come. */
  readonly ended: Promise<SubscriptionEnd>
  readonly #limits: SubscriptionLimits
  readonly #left: () => void
  readonly #queue: News[] = []
  #queuedChars = 0
  #end: SubscriptionEnd | null = null
  #wake: (() => void) | null = null
  #settleEnded!: (end: SubscriptionEnd) => void

  constructor(limits: SubscriptionLimits, left: () => void) {
    this.#limits = limits
    this.#left = left
    this.ended = new Promise((resolve) => (this.#settleEnded = resolve))
  }

  offer(news: News): void {
    if (this.#end !== null) return
    if (news.type === 'position' && this.#queue.length > 0) return
    const chars = charsOf(news)
    const isFull =
      this.#queue.length >= this.#limits.maxQueued ||
      (this.#queue.length > 0 && this.#queuedChars + chars > this.#limits.maxQueuedChars)
    if (isFull) return this.#finish('too-slow')
    this.#queue.push(news)
    this.#queuedChars += chars
    this.#wake?.()
  }

  /** What was offered before is still read. */
  close(): void {
    this.#finish('closed')
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<News, void, undefined> {
    try {
      for (;;) {
        const news = this.#queue.shift()
        if (news !== undefined) {
          this.#queuedChars -= charsOf(news)
          yield news
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

function charsOf(news: News): number {
  if (news.type === 'output') return news.chunk.length
  return news.type === 'log' ? news.message.length : 0
}
