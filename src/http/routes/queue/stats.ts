import type { z } from 'zod'
import type { Quantiles } from '../../../forecast/quantiles.ts'
import type { ResourceView } from '../../../resource/resources.ts'
import type { ProcessServices, QueueServices, StorageServices } from '../../deps.ts'
import { forEachPriority, type statsReply } from '../../schemas/queue-responses.ts'
import { iso } from '../../schemas/views.ts'

interface Deps extends Pick<StorageServices, 'health'> {
  readonly queue: QueueServices
  readonly process: Pick<ProcessServices, 'clock' | 'engineName'>
}

/** The public numbers of the queue. */
export type Stats = z.output<typeof statsReply>

/** Reads the numbers as they are at each call; the uptime counts from this one. */
export function createStats(deps: Deps): () => Stats {
  const startedAt = deps.process.clock.monotonic()
  return () => ({ ...originalStats(deps.queue), ...addedStats(deps, startedAt) })
}

/** The nine fields of the legacy shape. */
function originalStats({ admission, lifecycle, pool }: QueueServices) {
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
    is_running: !admission.intake.isClosed,
  }
}

function addedStats({ queue, health, process }: Deps, startedAt: number) {
  const { admission, lifecycle, pool, estimator, resources, controls } = queue
  const { clock, engineName } = process
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
    accepting: admission.intake.isOpen && health.refusal === null && pool.taken < pool.capacity,
    paused: controls.paused.length > 0,
    holds: listHolds(queue),
    draining: admission.intake.isDraining,
    engine: engineName,
    uptime_seconds: Math.round((clock.monotonic() - startedAt) / 1000),
  }
}

/** What is paused: by an operator, or by a shortage of the machine. */
function listHolds({ controls, pool }: QueueServices) {
  return [...controls.paused, ...[...pool.holds].filter((hold) => hold !== 'operator')]
}

function resourceView({ name, limit, inUse, sleeping, openAt }: ResourceView) {
  return { name, limit, in_use: inUse, waiting: sleeping, open_at: openAt === null ? null : iso(openAt) }
}

function inSeconds(quantiles: Quantiles | null): Quantiles | null {
  return quantiles && { p50: round(quantiles.p50 / 1000, 3), p90: round(quantiles.p90 / 1000, 3) }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
