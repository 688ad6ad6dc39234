import type { Logger } from 'pino'
import type { Defaults } from '../admission/validate.ts'
import type { EventBus } from '../events/event-bus.ts'
import { WaitEstimator } from '../forecast/wait-estimator.ts'
import type { Registry } from '../handler/registry.ts'
import type { StepStore } from '../handler/ports.ts'
import { createRunner } from '../handler/runner.ts'
import { letGo, type LetGoDeps } from '../lifecycle/let-go.ts'
import type { Journal } from '../journal/journal.ts'
import { readOutput } from '../lifecycle/output.ts'
import { createStepStore } from '../lifecycle/step-store.ts'
import type { PoolBounds } from '../pool/pool-options.ts'
import type { ResourcesOptions } from '../resource/resources.ts'
import type { Task } from '../task/task.ts'
import type { Clock, ProvenClock } from '../time/clock.ts'
import { ClusterAdmission } from './admission/cluster-admission.ts'
import type { Cluster } from './cluster.ts'
import { ClusterEngine, type HintHandlers } from './cluster-engine.ts'
import { ClusterView } from './cluster-view.ts'
import { Feed } from './hints/feed.ts'
import { Housekeeping } from './housekeeping.ts'
import { ClusterResources } from './resources/cluster-resources.ts'
import { TaskChanges } from './task-changes.ts'
import { ClusterWorker } from './worker/cluster-worker.ts'
import { whileAway } from './worker/while-away.ts'

export interface ClusterQueueDeps {
  readonly registry: Registry
  readonly bus: EventBus
  readonly storage: Pick<LetGoDeps, 'uploadStore' | 'keepsUploads'>
  readonly bounds: PoolBounds
  readonly resources: Pick<ResourcesOptions, 'limits' | 'keys'>
  readonly defaults: Defaults
  readonly clock: ProvenClock
  readonly random: () => number
  readonly log: Logger
  readonly hinted: HintHandlers
}

/** The queue over all members, as this process takes part in it. */
export function createClusterQueue(cluster: Cluster, deps: ClusterQueueDeps) {
  const { db, kind, tickets, publisher, member } = cluster
  const { registry, clock, random, log, bounds, bus, defaults, hinted } = deps
  const { headStartMs, weightOf } = bounds
  const slots = kind === 'web' ? 0 : bounds.slots
  const view = new ClusterView({ ...bounds, db, member, slots })
  const estimator = createEstimator(deps, view)
  view.onCompleted = (task) => estimator.learn(task)
  const parts = { db, tickets, publisher, member, clock, log }
  const runOf = (taskId: string) => worker.taskOf(taskId)?.run
  const resources = new ClusterResources({ ...deps.resources, ...parts, runOf, random })
  const changes = new TaskChanges({ ...parts, headStartMs, weightOf, now: clock.now })
  const rules = { registry, bounds, defaults }
  const admission = new ClusterAdmission(cluster, { ...rules, view, estimator, changes, clock, log })
  const worker: ClusterWorker = createWorker(cluster, deps, { view, resources })
  view.own = worker
  view.onChange = () => {
    if (kind !== 'web') worker.lookForWork()
  }
  const housekeeping = new Housekeeping({ db, changes, clock, log, hasTurns: weightOf !== null })
  const feed = new Feed({ db, bus, clock })
  const jobs = { worker, housekeeping, resources, feed }
  const engine = new ClusterEngine(cluster, { ...jobs, view, clock, log, hinted })
  publisher.onCommitted = () => view.markChanged()
  const leftovers = { ...deps.storage, log, deliver: () => publisher.hasWebhooks() }
  publisher.onEnded = (task) => void letGo(task, leftovers)
  const freshen = () => view.freshen()
  const queue = { pool: view, controlled: view.controlled, lifecycle: view, resources, estimator }
  return { ...queue, admission, engine, freshen }
}

function createEstimator(
  { registry, clock, bounds, random }: ClusterQueueDeps,
  view: ClusterView,
): WaitEstimator {
  return new WaitEstimator({
    look: () => lookAt(view, clock),
    concurrencyOf: (type) => registry.concurrencyOf(type),
    headStartMs: bounds.headStartMs,
    now: clock.now,
    monotonic: clock.monotonic,
    random,
  })
}

interface WorkerParts {
  readonly view: ClusterView
  readonly resources: ClusterResources
}

function createWorker(
  cluster: Cluster,
  { registry, clock, random, log, bounds, storage }: ClusterQueueDeps,
  { view, resources }: WorkerParts,
): ClusterWorker {
  const worker: ClusterWorker = new ClusterWorker(cluster, {
    registry,
    bounds,
    view,
    resources,
    clock,
    log,
    work: (task, signal) => run(task.id, signal),
  })
  const run = createRunner(registry, {
    started: (id) => Promise.resolve(worker.taskOf(id)),
    report: (task, given) => worker.report(task, given),
    ...readAndSave(cluster.journal, clock.now, worker),
    fileOf: (upload) => storage.uploadStore.open(upload),
    acquire: async (name, acquire) => resources.find(name).acquire(acquire),
    clock,
    random,
  })
  return worker
}

/** What a run reads and saves; until its end it waits for a database that is away. */
function readAndSave(journal: Journal, now: () => number, worker: ClusterWorker) {
  const isOver = ({ id, run }: Task) => worker.taskOf(id)?.run !== run
  const steps = createStepStore(journal.steps, now)
  const waits = <Reply>(task: Task, ask: () => Promise<Reply>) => whileAway(ask, () => isOver(task))
  return {
    steps: {
      load: (task, name) => waits(task, () => steps.load(task, name)),
      save: (task, name, value) => {
        worker.keepsSteps(task.id)
        return waits(task, () => steps.save(task, name, value))
      },
    } satisfies StepStore,
    outputOf: (task: Task) => waits(task, () => readOutput(journal.tasks, task)),
  }
}

/** The queue as the estimator sees it. */
function lookAt(view: ClusterView, clock: Clock) {
  return {
    slots: view.slots,
    isProcessing: view.holds.size === 0,
    running: view.runningTasks.map(({ type, startedAt }) => ({ type, startedAt: startedAt ?? clock.now() })),
    waiting: view.waitingInOrder(),
    countOf: (priority: Parameters<ClusterView['waitingOf']>[0]) => view.waitingOf(priority),
  }
}
