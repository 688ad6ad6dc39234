import type { Subscription } from '../../events/subscription.ts'
import { unnumbered, type Frame, type FramesEnd } from './frames.ts'

/** Why a stream is ended by the server. */
export type StreamEnd = FramesEnd | 'too-slow' | 'failed' | 'revoked'

/** The transport under a stream: a WebSocket or an event stream. */
export interface Sink {
  /** Writes one frame; settles when the transport can take the next. */
  send(frame: Frame): Promise<void>
  /** Whether everything written has left. */
  readonly isFlushed: boolean
  end(reason: StreamEnd): void
}

/** One reader of one task: takes frames to its transport at the reader's pace, and ends with either. */
export class Connection {
  readonly #sink: Sink
  readonly #subscription: Subscription
  /** Whether its reader is still authorized. */
  readonly isStillGranted: () => boolean
  #isEnded = false

  constructor(sink: Sink, subscription: Subscription, isStillGranted: () => boolean) {
    this.isStillGranted = isStillGranted
    this.#sink = sink
    this.#subscription = subscription
    // A reader that has stopped never pulls again, so the end of its subscription has to reach it from here.
    void subscription.ended.then((end) => {
      if (end === 'too-slow') this.end('too-slow')
    })
  }

  /** Sends every frame; settles when the stream is over. Never rejects. */
  async run(frames: AsyncGenerator<Frame, FramesEnd, undefined>): Promise<void> {
    try {
      let next = await frames.next()
      while (next.done !== true && !this.#isEnded) {
        await this.#sink.send(next.value)
        next = await frames.next()
      }
      this.end(next.done === true ? next.value : 'finished')
    } catch {
      this.end('failed')
    } finally {
      await frames.return('finished')
    }
  }

  /** A frame without a number, left out when the reader is behind. */
  send(body: Record<string, unknown>): void {
    if (!this.#isEnded && this.#sink.isFlushed) void this.#sink.send(unnumbered(body)).catch(() => undefined)
  }

  end(reason: StreamEnd): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#subscription.close()
    this.#sink.end(reason)
  }
}
