import { execFile } from 'node:child_process'

/** What systemd hears from a service (sd_notify). */
export type ServiceState = 'READY=1' | 'STOPPING=1' | 'WATCHDOG=1'

export interface ServiceManagerOptions {
  /** Where it listens; undefined: there is none, and nothing is said. */
  readonly notifySocket: string | undefined
  /** It expects a sign of life at least this often; null: it expects none. */
  readonly watchdogMs: number | null
  /** Hears that it could not be told. */
  readonly onFailure: (error: Error) => void
}

/** Signs of life come this many times as often as they are expected. */
const SIGNS_PER_LIMIT = 3

/** The service manager that started this process, if any: Node has no datagram sockets, so systemd-notify speaks. */
export class ServiceManagerLink {
  readonly #options: ServiceManagerOptions

  constructor(options: ServiceManagerOptions) {
    this.#options = options
  }

  /** Says that the service is up, and from now on that it is alive. */
  ready(): void {
    this.#tell('READY=1')
    const { watchdogMs } = this.#options
    if (watchdogMs === null) return
    setInterval(() => this.#tell('WATCHDOG=1'), watchdogMs / SIGNS_PER_LIMIT).unref()
  }

  stopping(): void {
    this.#tell('STOPPING=1')
  }

  #tell(state: ServiceState): void {
    const { notifySocket, onFailure } = this.#options
    if (notifySocket === undefined) return
    execFile('systemd-notify', [state], (error) => {
      if (error !== null) onFailure(error)
    })
  }
}
