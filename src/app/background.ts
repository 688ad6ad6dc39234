import type { Settings } from '../config/settings.ts'
import { taskView } from '../http/schemas/views.ts'
import { Positions } from '../lifecycle/position-updates.ts'
import { CounterStore } from '../lifecycle/saved-counters.ts'
import { HistoryRecorder } from '../history/recorder.ts'
import { Retention } from '../retention/retention.ts'
import type { Task } from '../task/task.ts'
import { Webhooks } from '../webhook/webhooks.ts'
import type { AppOptions } from './app-options.ts'
import type { LifecycleView, QueueControls, QueueView } from '../lifecycle/queue-view.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { ResourceControls } from '../resource/resources.ts'
import type { Engine } from './local-engine.ts'
import type { Services } from './services.ts'
import { createPressure } from './from-settings.ts'

interface JobsGiven {
  readonly lifecycle: LifecycleView
  readonly pool: QueueView & QueueControls
  readonly resources: ResourceControls
  readonly estimator: WaitEstimator
  readonly engine: Engine
}

/** Jobs that run beside the tasks, and how long a stop waits for tasks. */
export function createBackgroundJobs(
  { settings, log, clock, time }: AppOptions,
  { journal, uploadStore, bus, lifecycle, pool, resources, estimator, engine }: Services & JobsGiven,
) {
  const { stopWaitMs, stopGraceMs } = settings
  const { notes } = journal
  return {
    retention: new Retention({
      journal: journal.retention,
      uploadStore,
      isLive: (taskId) => engine.knowsUnfinished(taskId),
      clock,
      time,
      log,
      keepMs: computeKeepMs(settings),
    }),
    history: new HistoryRecorder({
      journal: journal.history,
      bus,
      pool,
      counters: lifecycle.counters,
      clock,
      log,
    }),
    totals: new CounterStore({ notes, counters: lifecycle.counters, resources, clock, log }),
    positions: new Positions({ pool, bus, estimator, clock }),
    pressure: createPressure(settings, pool, { clock, log }),
    stopWaitMs,
    stopGraceMs,
  }
}

export function createWebhooks(options: AppOptions, { journal, connector }: Services): Webhooks {
  const { settings, log, clock, random = Math.random } = options
  const { deliveries, tasks } = journal
  const viewOf = (task: Task) => taskView(task, null, { prefix: options.prefix, showsCaller: false })
  const secret = settings.webhookSecret
  return new Webhooks({ deliveries, tasks, connector, clock, random, log, secret, viewOf })
}

/** JOURNAL=memory forgets by number. */
function computeKeepMs(settings: Settings) {
  if (settings.journal === 'memory') {
    return {
      results: Infinity,
      events: Infinity,
      uploads: Infinity,
      traces: settings.keepTracesMs,
      history: settings.keepHistoryMs,
    }
  }
  return {
    results: settings.keepResultsMs,
    events: settings.keepEventsMs,
    uploads: settings.keepUploadsMs,
    traces: settings.keepTracesMs,
    history: settings.keepHistoryMs,
  }
}
