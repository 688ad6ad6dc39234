import type { Clock } from '../../time/clock.ts'
import { Ticker } from '../../time/ticker.ts'
import type { StreamEnd } from './connection.ts'

/** What is kept alive, and ended with the process: a stream, or a socket of many. */
export interface Member {
  send(body: Record<string, unknown>): void
  end(reason: StreamEnd): void
  isStillGranted(): boolean
  /** Ends what was granted by tickets of its own and is no longer. */
  endRevoked?(): void
}

const HEARTBEAT_MS = 15_000
/** Clients come back after this long, when the next process is up. */
const RECONNECT_AFTER_MS = 2000

/** Every open stream of the process: one timer keeps them alive, one call ends them. */
export class Connections {
  readonly #clock: Clock
  readonly #open = new Set<Member>()
  readonly #heartbeat: Ticker
  #lastClosed: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
    this.#heartbeat = new Ticker(clock, HEARTBEAT_MS, () => this.#beat())
  }

  add(connection: Member): void {
    this.#open.add(connection)
    this.#heartbeat.start()
  }

  remove(connection: Member): void {
    this.#open.delete(connection)
    if (this.#open.size === 0) this.#lastClosed?.()
  }

  /** Announces that the process will stop; events until then are still sent. */
  announceShutdown(): void {
    for (const connection of this.#open) {
      connection.send({ type: 'shutdown', reconnect_after_ms: RECONNECT_AFTER_MS })
    }
  }

  /** Settles when no stream is open any more, or after `ms`. */
  async whenClosed(ms: number): Promise<void> {
    if (this.#open.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#lastClosed = resolve
    const cancelTimer = this.#clock.after(ms, resolve)
    await promise
    cancelTimer()
  }

  closeAll(): void {
    this.#heartbeat.stop()
    for (const connection of this.#open) connection.end('going-away')
    this.#open.clear()
  }

  #beat(): void {
    if (this.#open.size === 0) return this.#heartbeat.stop()
    for (const connection of this.#open) {
      if (connection.isStillGranted()) connection.send({ type: 'heartbeat' })
      else connection.end('revoked')
      connection.endRevoked?.()
    }
  }
}
