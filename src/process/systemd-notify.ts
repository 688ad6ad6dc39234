import { execFile } from 'node:child_process'

/** States that a service reports to systemd (sd_notify). */
export type ServiceState = 'READY=1' | 'STOPPING=1' | 'WATCHDOG=1'

export interface ServiceManagerOptions {
  /** Its socket; undefined: there is none, and nothing is sent. */
  readonly notifySocket: string | undefined
  /** It expects a sign of life at least this often; null: it expects none. */
  readonly watchdogMs: number | null
  /** Called when systemd-notify fails. */
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

  /** Reports that the service is up, and from now on that it is alive. */
  ready(): void {
    this.#notify('READY=1')
    const { watchdogMs } = this.#options
    if (watchdogMs === null) return
    setInterval(() => this.#notify('WATCHDOG=1'), watchdogMs / SIGNS_PER_LIMIT).unref()
  }

  stopping(): void {
    this.#notify('STOPPING=1')
  }

  #notify(state: ServiceState): void {
    const { notifySocket, onFailure } = this.#options
    if (notifySocket === undefined) return
    execFile('systemd-notify', [state], (error) => {
      if (error !== null) onFailure(error)
    })
  }
}
