import type { Logger } from 'pino'
import type { Settings } from '../config/settings.ts'
import type { TaskType } from '../handler/define-task.ts'
import type { Identify } from '../http/deps.ts'
import type { Clock, ProvenClock } from '../time/clock.ts'
import type { ProvenTime } from '../time/proven-time.ts'

/** What the parts are made of: the options, with the clocks that the process shares. */
export interface AppOptions extends ComposeOptions {
  readonly clock: ProvenClock
  readonly time: ProvenTime
}

export interface ComposeOptions {
  readonly settings: Settings
  readonly log: Logger
  /** Task types beside the built-in ones. */
  readonly tasks: readonly TaskType[]
  /** Who calls, as the host application knows it; absent: by our own tokens. */
  readonly identify?: Identify
  /** Path that every URL begins with; empty for a server of our own. */
  readonly prefix: string
  /** Accepted tasks can no longer be kept: the process, or the host, has to stop. */
  readonly onFatal: (error: unknown) => void
  readonly clock?: Clock
  /** 0 to 1; spreads returning clients. */
  readonly random?: () => number
}
