import type { Logger } from 'pino'
import type { Analysis } from '../analysis/analysis.ts'
import type { Feed } from '../events/event-bus.ts'
import type { Connector } from '../fetch/connector.ts'
import type { Connections } from '../http/stream/connections.ts'
import type { Controls } from '../control/operator-controls.ts'
import type { Outlook } from '../forecast/wait-estimator.ts'
import type { Intake } from '../admission/admission.ts'
import type { Positions } from '../lifecycle/position-updates.ts'
import { recover } from './recovery.ts'
import type { TotalsKeeper } from '../lifecycle/saved-counters.ts'
import type { Journal } from '../journal/journal.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Pressure } from '../process/pressure.ts'
import type { Resources } from '../resource/resources.ts'
import type { Retention } from '../retention/retention.ts'
import { fetchedOf, removeAbandoned, type Spool } from '../uploads/upload-store.ts'
import { ShuttingDown } from '../task/outcome.ts'
import type { Clock } from '../task/clock.ts'
import { settledWithin } from '../task/within.ts'
import type { Webhooks } from '../webhook/webhooks.ts'

/** The order in which the house wakes up and goes to rest. */

export interface LifecycleParts {
  readonly dataDir: string
  /** Whether the journal, and so the spool, outlives the process. */
  readonly isDurable: boolean
  readonly journal: Journal
  readonly intake: Intake
  readonly pool: WorkerPool
  readonly spool: Spool
  readonly feed: Feed
  readonly connections: Connections
  readonly connector: Connector
  readonly analysis: Pick<Analysis, 'start' | 'stop'>
  readonly positions: Positions
  readonly totals: TotalsKeeper
  readonly outlook: Outlook
  readonly resources: Resources
  readonly controls: Controls
  readonly pressure: Pressure
  readonly retention: Retention
  readonly webhooks: Webhooks
  readonly clock: Clock
  readonly log: Logger
  /** How long running tasks are waited for before they are aborted, and after. */
  readonly stopWaitMs: number
  readonly stopGraceMs: number
}

/** What was recorded has this long to be written. */
const WRITING_MS = 5000
/** Readers have this long to take what was said last. */
const LAST_WORDS_MS = 500

/** Takes over from the process before, then lets tasks start. */
export async function startInOrder(parts: LifecycleParts): Promise<void> {
  const { journal, intake, pool, spool, totals, outlook, resources, log } = parts
  await removeAbandoned(parts.dataDir)
  await spool.start()
  pool.pause('lifecycle')
  await parts.controls.load()
  await recover({ journal, intake, pool, totals, outlook, resources, log })
  const named = new Set(await journal.recovery.spoolIds())
  const isKept = (id: string) => named.has(id) || intake.recorder.live(fetchedOf(id)) !== undefined
  const { removed, left } = await spool.sweep(isKept)
  if (removed > 0) log.info({ files: removed }, 'uploads without a task removed')
  if (left > 0) log.warn({ files: left }, 'uploads without a task not removed')
  await parts.analysis.start(journal.notes)
  parts.positions.start()
  totals.start()
  parts.pressure.start()
  parts.retention.start()
  parts.webhooks.start()
  // A stop may have come meanwhile.
  if (!intake.isClosed) pool.resume('lifecycle')
}

/** Lets running work end and readers see it; requests are served still. `skipWait`, once settled, ends the wait. */
export async function drainInOrder(parts: LifecycleParts, skipWait: Promise<void>): Promise<void> {
  const { intake, pool, connections, clock } = parts
  intake.close()
  pool.pause('lifecycle')
  connections.announceShutdown()
  await settledWithin(Promise.race([pool.whenQuiet(), skipWait]), parts.stopWaitMs, clock)
  pool.abortAll(new ShuttingDown(), parts.stopGraceMs)
  await pool.whenQuiet()
  parts.positions.stop()
  parts.pressure.stop()
  // Who is woken now could no longer be written down.
  pool.stop()
  parts.resources.stop()
  // A disk that is full or stands still is not waited for: what is not written runs again.
  await settledWithin(intake.recorder.whenWritten(), WRITING_MS, clock)
  parts.feed.close()
  await connections.whenClosed(LAST_WORDS_MS)
  connections.closeAll()
}

/** When no request is served any more. */
export async function closeInOrder(parts: LifecycleParts): Promise<void> {
  await Promise.all([parts.analysis.stop(), parts.webhooks.stop(), parts.retention.stop()])
  await parts.connector.close()
  await parts.totals.stop()
  await parts.journal[Symbol.asyncDispose]()
  if (parts.isDurable) return
  // What cannot be removed now is removed by the next start.
  await parts.spool
    .clear()
    .catch((error: unknown) => parts.log.warn({ err: error }, 'upload folder not removed'))
}
