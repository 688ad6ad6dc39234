import { maySee, type Caller } from '../../../auth/caller.ts'
import type { Quantiles } from '../../../forecast/quantiles.ts'
import { priorityName } from '../../../task/priority.ts'
import type { ResourceView } from '../../../resource/resources.ts'
import type { Task } from '../../../task/task.ts'
import { accessOf, type Access } from '../../gate/access.ts'
import type { App, HttpDeps } from '../../deps.ts'
import { sendText } from '../../schemas/long-text.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { forEachPriority, queueTasksReply, statsReply } from '../../schemas/queue-responses.ts'
import { noQuery } from '../../schemas/requests.ts'
import { iso } from '../../schemas/views.ts'

/** What is needed of the server. */
type Deps = Pick<
  HttpDeps,
  | 'admission'
  | 'lifecycle'
  | 'pool'
  | 'estimator'
  | 'resources'
  | 'controls'
  | 'journal'
  | 'replyMemory'
  | 'health'
  | 'clock'
>

const STATS: RouteDescription = {
  id: 'getStats',
  tag: 'queue',
  summary: 'Public numbers of the queue',
  replies: ({ stats }) => ({ 200: json('Numbers only.', statsReply, stats) }),
  problems: ['validation'],
}
const TASKS: RouteDescription = {
  id: 'listQueue',
  tag: 'queue',
  summary: 'What runs and what waits; ids and inputs only of the caller’s own',
  replies: ({ queueTasks }) => ({ 200: json('In the order of their turns.', queueTasksReply, queueTasks) }),
  problems: ['validation'],
}

/** Public numbers of the queue: no ids, addresses or names in the stats. */
export function queueRoutes(app: App, deps: Deps): void {
  const startedAt = deps.clock.monotonic()

  const schema = { querystring: noQuery, response: { 200: statsReply } }
  const config = { gate: { isPublic: true }, openapi: STATS }
  app.get('/api/queue/stats', { schema, config }, () => ({
    ...originalStats(deps),
    ...addedStats(deps, startedAt),
  }))

  const tasks = { schema: { querystring: noQuery }, config: { openapi: TASKS } }
  app.get('/api/queue/tasks', tasks, async (request, reply) => {
    const view = await queueTasks(deps, accessOf(request))
    return sendText(reply.type('application/json; charset=utf-8'), JSON.stringify(view), deps.replyMemory)
  })
}

/** The nine fields of the legacy shape. */
function originalStats({ admission, lifecycle, pool }: Deps) {
  const { counters } = lifecycle
  const [success, failed, timeout] = [counters.of('completed'), counters.of('error'), counters.of('timeout')]
  return {
    total_processed: success + failed + timeout,
    total_success: success,
    total_failed: failed,
    total_timeout: timeout,
    current_processing: pool.running,
    queue_size: pool.waiting,
    max_workers: pool.slots,
    max_queue_size: pool.capacity,
    is_running: !admission.isClosed,
  }
}

function addedStats(deps: Deps, startedAt: number) {
  const { admission, lifecycle, pool, health, clock, estimator, resources, controls } = deps
  const { counters } = lifecycle
  const oldest = pool.oldestCreatedAt
  return {
    total_cancelled: counters.of('cancelled'),
    total_expired: counters.of('expired'),
    total_rejected: counters.rejected,
    total_retried: counters.retried,
    waiting: counters.of('waiting'),
    scheduled: counters.of('scheduled'),
    stuck_workers: pool.stuck,
    by_priority: forEachPriority((priority) => pool.waitingOf(priority)),
    oldest_queued_seconds: oldest === null ? 0 : Math.max(0, Math.round((clock.now() - oldest) / 1000)),
    utilization: pool.slots === 0 ? 0 : Math.min(1, round(pool.running / pool.slots, 2)),
    wait_seconds: inSeconds(lifecycle.transitions.waitSamples.quantiles()),
    run_seconds: inSeconds(lifecycle.transitions.runSamples.quantiles()),
    estimated_wait_seconds: forEachPriority((priority) => estimator.newcomer(priority)),
    estimate_coverage: estimator.coverage.all,
    resources: resources.view().map(resourceView),
    accepting: !admission.isDraining && !admission.isPaused && health.refusal === null && !pool.isFull,
    paused: controls.paused.length > 0,
    holds: listHolds(deps),
    draining: admission.isDraining,
    engine: 'local' as const,
    uptime_seconds: Math.round((clock.monotonic() - startedAt) / 1000),
  }
}

/** What is paused: by an operator, or by a shortage of the machine. */
function listHolds({ controls, pool }: Deps) {
  return [...controls.paused, ...[...pool.holds].filter((hold) => hold !== 'operator')]
}

function resourceView({ name, limit, inUse, sleeping, openAt }: ResourceView) {
  return { name, limit, in_use: inUse, waiting: sleeping, open_at: openAt === null ? null : iso(openAt) }
}

/** The legacy shape. The id of a task and its input are shown to its owner only. */
async function queueTasks({ lifecycle, journal, pool }: Deps, { caller }: Access) {
  const running = await journal.list({ statuses: ['running'], limit: Math.max(1, pool.slots + pool.stuck) })
  const processing = running.tasks.map((task) => ({
    ...listedView(task, caller),
    progress: task.progress ?? 0,
  }))
  const queued = [...pool.waitingInOrder()].flatMap(({ id }, index) => {
    const task = lifecycle.live(id)
    return task === undefined ? [] : [{ ...listedView(task, caller), queue_position: index + 1 }]
  })
  return { processing, queued, total_processing: processing.length, total_queued: queued.length }
}

function listedView(task: Task, caller: Caller) {
  const isOwn = maySee(caller, task.caller)
  const { url = null } = (isOwn ? task.input : {}) as { url?: unknown }
  return {
    task_id: isOwn ? task.id : null,
    task_type: task.type,
    priority: priorityName(task.priority),
    status: task.status,
    created_at: iso(task.createdAt),
    url: typeof url === 'string' ? url : null,
    video_id: null,
    doc_hash: isOwn ? (task.upload?.sha256.slice(0, 16) ?? null) : null,
  }
}

function inSeconds(quantiles: Quantiles | null): Quantiles | null {
  return quantiles && { p50: round(quantiles.p50 / 1000, 3), p90: round(quantiles.p90 / 1000, 3) }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
