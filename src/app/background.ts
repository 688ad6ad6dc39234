import type { Settings } from '../config/settings.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import { taskView } from '../http/schemas/views.ts'
import type { Admission } from '../admission/admission.ts'
import { Positions } from '../lifecycle/position-updates.ts'
import { CounterStore } from '../lifecycle/saved-counters.ts'
import type { WorkerPool } from '../pool/worker-pool.ts'
import type { Resources } from '../resource/resources.ts'
import { Retention } from '../retention/retention.ts'
import type { Task } from '../task/task.ts'
import { Webhooks } from '../webhook/webhooks.ts'
import type { AppOptions } from './app-options.ts'
import type { Services } from './services.ts'
import { createPressure } from './from-settings.ts'

interface Queue {
  readonly pool: WorkerPool
  readonly admission: Admission
  readonly resources: Resources
  readonly estimator: WaitEstimator
}

/** Jobs that run beside the tasks, and how long a stop waits for tasks. */
export function createBackgroundJobs(
  { settings, log, clock, time }: AppOptions,
  { journal, uploadStore, bus, admission, pool, resources, estimator }: Services & Queue,
) {
  const { stopWaitMs, stopGraceMs } = settings
  const { notes } = journal
  return {
    retention: new Retention({
      journal: journal.retention,
      uploadStore,
      isLive: (taskId) => admission.recorder.live(taskId) !== undefined,
      clock,
      time,
      log,
      keepMs: computeKeepMs(settings),
    }),
    totals: new CounterStore({ notes, counters: admission.counters, resources, clock, log }),
    positions: new Positions({ pool, bus, estimator, clock }),
    pressure: createPressure(settings, pool, { clock, log }),
    stopWaitMs,
    stopGraceMs,
  }
}

export function createWebhooks(options: AppOptions, { journal, connector }: Services): Webhooks {
  const { settings, log, clock, random = Math.random } = options
  const { deliveries, tasks } = journal
  const viewOf = (task: Task) => taskView(task, null, options.prefix)
  const secret = settings.webhookSecret
  return new Webhooks({ deliveries, tasks, connector, clock, random, log, secret, viewOf })
}

/** JOURNAL=memory forgets by number. */
function computeKeepMs(settings: Settings) {
  if (settings.journal === 'memory') {
    return { results: Infinity, events: Infinity, uploads: Infinity, traces: settings.keepTracesMs }
  }
  return {
    results: settings.keepResultsMs,
    events: settings.keepEventsMs,
    uploads: settings.keepUploadsMs,
    traces: settings.keepTracesMs,
  }
}
