import type { Logger } from 'pino'
import type { StopLimits } from '../lifecycle/queue-view.ts'
import { removeAbandoned } from '../uploads/folder-store.ts'
import { parseFetchedId } from '../uploads/upload-store.ts'
import type { AppParts } from './parts.ts'

/** The order of starting and stopping. */

/** Readers and open connections have this long to take what was sent. */
export const LAST_WORDS_MS = 500

/** Takes over from the process before, then lets tasks start. */
export async function startInOrder({ storage, queue, jobs, builtins }: AppParts, log: Logger): Promise<void> {
  const { dataDir, journal, uploadStore } = storage
  const { admission, engine, pool, controls } = queue
  await removeAbandoned(dataDir)
  await uploadStore.start()
  pool.pause('lifecycle')
  await controls.load()
  await engine.takeOver(jobs.totals)
  const named = new Set(await journal.recovery.spoolIds())
  const isKept = (id: string) => named.has(id) || engine.knowsUnfinished(parseFetchedId(id))
  const { removed, left } = await uploadStore.sweep(isKept)
  if (removed > 0) log.info({ files: removed }, 'uploads without a task removed')
  if (left > 0) log.warn({ files: left }, 'uploads without a task not removed')
  await builtins.analysis.start(journal.notes)
  const { positions, totals, history, pressure, retention, webhooks } = jobs
  for (const job of [positions, totals, history, pressure, retention, webhooks]) job.start()
  // A stop may have come meanwhile.
  if (!admission.intake.isClosed) pool.resume('lifecycle')
}

/** Lets running work end and readers see it; requests are still served. */
export async function drainInOrder({ queue, jobs, streams }: AppParts, limits: StopLimits): Promise<void> {
  const { admission, engine, pool } = queue
  const { bus, connections } = streams
  admission.intake.close()
  pool.pause('lifecycle')
  connections.announceShutdown()
  await engine.comeToRest(limits)
  jobs.positions.stop()
  jobs.pressure.stop()
  bus.close()
  await connections.whenClosed(LAST_WORDS_MS)
  connections.closeAll()
}

/** When no request is served any more. */
export async function closeInOrder(
  { storage, jobs, builtins, connector }: AppParts,
  log: Logger,
): Promise<void> {
  await Promise.all([builtins.analysis.stop(), jobs.webhooks.stop(), jobs.retention.stop()])
  await connector.close()
  await jobs.totals.stop()
  await jobs.history.stop()
  await storage.journal[Symbol.asyncDispose]()
  if (storage.isDurable) return
  // What cannot be removed now is removed by the next start.
  await storage.uploadStore
    .clear()
    .catch((error: unknown) => log.warn({ err: error }, 'upload folder not removed'))
}
