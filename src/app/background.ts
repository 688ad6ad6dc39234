import type { Settings } from '../config/settings.ts'
import type { EventBus } from '../events/event-bus.ts'
import type { Connector } from '../fetch/connector.ts'
import { taskView } from '../http/schemas/views.ts'
import { Positions } from '../lifecycle/position-updates.ts'
import { CounterStore } from '../lifecycle/saved-counters.ts'
import { HistoryRecorder } from '../history/recorder.ts'
import type { Journal } from '../journal/journal.ts'
import { Retention } from '../retention/retention.ts'
import type { Task } from '../task/task.ts'
import { Webhooks } from '../webhook/webhooks.ts'
import type { AppOptions } from './app-options.ts'
import type { LifecycleView, QueueControls, QueueView } from '../lifecycle/queue-view.ts'
import type { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { ResourceControls } from '../resource/resources.ts'
import type { Engine } from './local-engine.ts'
import type { Storage } from './choose-engine.ts'
import { createPressure } from './from-settings.ts'

interface JobsGiven {
  readonly storage: Storage
  readonly bus: EventBus
  readonly lifecycle: LifecycleView
  readonly pool: QueueView & QueueControls
  readonly resources: ResourceControls
  readonly estimator: WaitEstimator
  readonly engine: Engine
}

/** What runs beside the tasks. */
export type BackgroundJobs = ReturnType<typeof createBackgroundJobs>

export function createBackgroundJobs(
  { settings, log, clock, time }: AppOptions,
  { storage, bus, lifecycle, pool, resources, estimator, engine }: JobsGiven,
) {
  const { journal, uploadStore } = storage
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
  }
}

export function createWebhooks(
  options: AppOptions,
  { deliveries, tasks }: Journal,
  connector: Connector,
): Webhooks {
  const { settings, log, clock, random = Math.random } = options
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
