import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { ProcessView } from '../http/deps.ts'
import { ShuttingDown } from '../task/outcome.ts'
import type { Journal } from '../journal/journal.ts'
import type { CounterStore } from '../lifecycle/saved-counters.ts'
import { VERSION } from '../package.ts'
import type { Clock } from '../time/clock.ts'
import { settledWithin } from '../time/within.ts'
import type { StopLimits } from '../lifecycle/queue-view.ts'
import type { Queue } from './create-queue.ts'
import { recover } from './recovery.ts'

/** How a queue begins and ends; between them it works by itself. */
export interface Engine {
  /** Whether this process is alone with its queue, or one of several over PostgreSQL. */
  readonly name: 'local' | 'postgres'
  /** The processes that share the queue. */
  readonly listProcesses: () => Promise<readonly ProcessView[]>
  /** Takes over what processes before it have left; nothing starts yet. */
  readonly takeOver: (totals: CounterStore) => Promise<void>
  /** Whether a task that has not ended is known here by its id. */
  readonly knowsUnfinished: (id: string) => boolean
  /** Starts no more, lets running work end, aborts the rest, and settles when everything is written. */
  readonly comeToRest: (limits: StopLimits) => Promise<void>
}

/** What was recorded has this long to be written. */
const WRITING_MS = 5000

export interface LocalEngineDeps extends Queue {
  readonly journal: Journal
  readonly clock: Clock
  readonly log: Logger
}

/** The queue of one process. */
export function createLocalEngine(deps: LocalEngineDeps): Engine {
  const { lifecycle, pool, resources, clock } = deps
  return {
    name: 'local',
    listProcesses: () => Promise.resolve([describeProcess(pool)]),
    takeOver: async (totals) => {
      await recover({ ...deps, totals })
    },
    knowsUnfinished: (id) => lifecycle.live(id) !== undefined,
    comeToRest: async ({ skipWait, stopWaitMs, stopGraceMs }) => {
      await settledWithin(Promise.race([pool.whenQuiet(), skipWait]), stopWaitMs, clock)
      pool.abortAll(new ShuttingDown(), stopGraceMs)
      await pool.whenQuiet()
      // Who is woken now could no longer be written down.
      pool.stop()
      resources.stop()
      // Does not wait for a disk that is full or does not respond: what is not written runs again.
      await settledWithin(lifecycle.recorder.whenWritten(), WRITING_MS, clock)
    },
  }
}

function describeProcess({ slots, running: busy, stuck }: Queue['pool']): ProcessView {
  const host = hostname()
  return { name: host, kind: 'serve', host, version: VERSION, slots, busy, stuck, silentMs: 0 }
}
