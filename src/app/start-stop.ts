import type { Logger } from 'pino'
import type { Analysis } from '../analysis/analysis.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { Connector } from '../fetch/connector.ts'
import type { Connections } from '../http/stream/connections.ts'
import type { OperatorControls } from '../control/operator-controls.ts'
import type { QueueAdmission } from '../admission/queue-admission.ts'
import type { Positions } from '../lifecycle/position-updates.ts'
import type { Engine } from './local-engine.ts'
import type { CounterStore } from '../lifecycle/saved-counters.ts'
import type { HistoryRecorder } from '../history/recorder.ts'
import type { Journal } from '../journal/journal.ts'
import type { QueueControls } from '../lifecycle/queue-view.ts'
import type { Pressure } from '../process/pressure.ts'
import type { Retention } from '../retention/retention.ts'
import { removeAbandoned } from '../uploads/folder-store.ts'
import { parseFetchedId, type UploadStore } from '../uploads/upload-store.ts'
import type { Webhooks } from '../webhook/webhooks.ts'

/** The order of starting and stopping. */

export interface StartStopDeps {
  readonly dataDir: string
  /** Whether the journal, and so the upload store, outlives the process. */
  readonly isDurable: boolean
  readonly journal: Journal
  readonly admission: QueueAdmission
  readonly engine: Engine
  readonly pool: QueueControls
  readonly uploadStore: UploadStore
  readonly bus: EventBus
  readonly connections: Connections
  readonly connector: Connector
  readonly analysis: Pick<Analysis, 'start' | 'stop'>
  readonly positions: Positions
  readonly totals: CounterStore
  readonly history: HistoryRecorder
  readonly controls: OperatorControls
  readonly pressure: Pressure
  readonly retention: Retention
  readonly webhooks: Webhooks
  readonly log: Logger
  /** How long running tasks are waited for before they are aborted, and after. */
  readonly stopWaitMs: number
  readonly stopGraceMs: number
}

/** Readers and open connections have this long to take what was sent. */
export const LAST_WORDS_MS = 500

/** Takes over from the process before, then lets tasks start. */
export async function startInOrder(deps: StartStopDeps): Promise<void> {
  const { journal, admission, engine, pool, uploadStore, totals, log } = deps
  await removeAbandoned(deps.dataDir)
  await uploadStore.start()
  pool.pause('lifecycle')
  await deps.controls.load()
  await engine.takeOver(totals)
  const named = new Set(await journal.recovery.spoolIds())
  const isKept = (id: string) => named.has(id) || engine.knowsUnfinished(parseFetchedId(id))
  const { removed, left } = await uploadStore.sweep(isKept)
  if (removed > 0) log.info({ files: removed }, 'uploads without a task removed')
  if (left > 0) log.warn({ files: left }, 'uploads without a task not removed')
  await deps.analysis.start(journal.notes)
  deps.positions.start()
  totals.start()
  deps.history.start()
  deps.pressure.start()
  deps.retention.start()
  deps.webhooks.start()
  // A stop may have come meanwhile.
  if (!admission.intake.isClosed) pool.resume('lifecycle')
}

/** Lets running work end and readers see it; requests are still served. `skipWait`, once settled, ends the wait. */
export async function drainInOrder(deps: StartStopDeps, skipWait: Promise<void>): Promise<void> {
  const { admission, engine, pool, connections, stopWaitMs, stopGraceMs } = deps
  admission.intake.close()
  pool.pause('lifecycle')
  connections.announceShutdown()
  await engine.comeToRest({ skipWait, stopWaitMs, stopGraceMs })
  deps.positions.stop()
  deps.pressure.stop()
  deps.bus.close()
  await connections.whenClosed(LAST_WORDS_MS)
  connections.closeAll()
}

/** When no request is served any more. */
export async function closeInOrder(deps: StartStopDeps): Promise<void> {
  await Promise.all([deps.analysis.stop(), deps.webhooks.stop(), deps.retention.stop()])
  await deps.connector.close()
  await deps.totals.stop()
  await deps.history.stop()
  await deps.journal[Symbol.asyncDispose]()
  if (deps.isDurable) return
  // What cannot be removed now is removed by the next start.
  await deps.uploadStore
    .clear()
    .catch((error: unknown) => deps.log.warn({ err: error }, 'upload folder not removed'))
}
