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

/** Who may no longer watch is found out after this long. */
const CHECK_MS = 7500
/** Every 15 s. */
const CHECKS_PER_HEARTBEAT = 2
/** Clients come back after this long, when the next process is up. */
const RECONNECT_AFTER_MS = 2000

/** Every open stream of the process: one timer keeps them alive, one call ends them. */
export class Connections {
  readonly #clock: Clock
  readonly #open = new Set<Member>()
  readonly #ticker: Ticker
  #checks = 0
  #lastClosed: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
    this.#ticker = new Ticker(clock, CHECK_MS, () => this.#check())
  }

  add(connection: Member): void {
    this.#open.add(connection)
    this.#ticker.start()
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
    this.#ticker.stop()
    for (const connection of this.#open) connection.end('going-away')
    this.#open.clear()
  }

  #check(): void {
    if (this.#open.size === 0) return this.#ticker.stop()
    this.#checks += 1
    const isHeartbeat = this.#checks % CHECKS_PER_HEARTBEAT === 0
    for (const connection of this.#open) {
      if (!connection.isStillGranted()) connection.end('revoked')
      else if (isHeartbeat) connection.send({ type: 'heartbeat' })
      connection.endRevoked?.()
    }
  }
}
