import type { Registry } from '@prometheus-io/client'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { PRIORITIES, priorityName } from '../../../task/priority.ts'
import { isTerminal, TASK_STATUSES } from '../../../task/status.ts'
import { accessOf } from '../../gate/access.ts'
import type { App, ProcessServices, QueueServices } from '../../deps.ts'
import { sendProblem } from '../../problem/problem.ts'
import type { RouteDescription } from '../../openapi/operation.ts'
import { noQuery } from '../../schemas/requests.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'lifecycle' | 'pool' | 'estimator' | 'resources'> &
  Pick<ProcessServices, 'clock' | 'modelUse'>

const PREFIX = 'headgate_'
/** How often it is looked how late the event loop is. */
const LAG_EVERY_MS = 20
const NS_PER_SECOND = 1_000_000_000
const P99 = 99

interface Metric {
  readonly name: string
  readonly help: string
  readonly labelNames?: readonly string[]
  /** Writes the current values. */
  readonly read: (set: (value: number, labels?: Readonly<Record<string, string>>) => void) => void
}

const METRICS: RouteDescription = {
  id: 'getMetrics',
  tag: 'queue',
  summary: 'Metrics for Prometheus; for operators only',
  replies: () => ({
    200: { description: 'In the text format.', content: { 'text/plain': { schema: { type: 'string' } } } },
  }),
  problems: ['validation'],
}

/** `GET /metrics`: metrics for Prometheus, for operators only: they include the cost of models. */
export function metricsRoute(app: App, deps: Deps): void {
  const gauges = [...queueGauges(deps), ...outlookGauges(deps), lagGauge(app)]
  const counters = [...taskCounters(deps), ...modelCounters(deps)]
  let created: Promise<Registry> | null = null
  const route = { schema: { querystring: noQuery }, config: { openapi: METRICS } }
  app.get('/metrics', route, async (request, reply) => {
    if (accessOf(request).caller.role !== 'operator') {
      return sendProblem(reply, 'forbidden', { detail: 'Only an operator reads the metrics.' })
    }
    const registry = await (created ??= createRegistry(gauges, counters))
    return reply.type(registry.contentType).send(await registry.metrics())
  })
}

/** How late the event loop was since it was last asked. */
function lagGauge(app: App): Metric {
  const lag = monitorEventLoopDelay({ resolution: LAG_EVERY_MS })
  lag.enable()
  app.addHook('onClose', (_app, done) => {
    lag.disable()
    done()
  })
  return {
    name: 'event_loop_lag_seconds',
    help: 'Delay of the event loop since the last look, p99.',
    read: (set) => {
      // What is recorded is the time between two looks.
      const p99 = lag.percentile(P99) / NS_PER_SECOND - LAG_EVERY_MS / 1000
      lag.reset()
      set(p99 > 0 ? p99 : 0)
    },
  }
}

/** Made, with its library, for the first request. Values are read when they are requested, and never counted twice. */
async function createRegistry(gauges: readonly Metric[], counters: readonly Metric[]): Promise<Registry> {
  const { Counter, Gauge, Registry: Registry_ } = await import('@prometheus-io/client')
  const registry = new Registry_()
  const register = (Kind: typeof Gauge | typeof Counter, { name, help, labelNames = [], read }: Metric) => {
    const held = new Kind<string>({
      name: PREFIX + name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect: () => {
        held.reset()
        let isTold = false
        read((value, labels = {}) => {
          isTold = true
          held.inc(labels, value)
        })
        // Nothing known is not nothing.
        if (!isTold && held instanceof Gauge && labelNames.length === 0) held.set(NaN)
      },
    })
  }
  for (const metric of gauges) register(Gauge, metric)
  for (const metric of counters) register(Counter, metric)
  return registry
}

function queueGauges({ pool, lifecycle, clock }: Deps): Metric[] {
  return [
    {
      name: 'tasks',
      help: 'Tasks that have not ended, by status; those that are queued by priority too.',
      labelNames: ['status', 'priority'],
      read: (set) => {
        for (const level of PRIORITIES)
          set(pool.waitingOf(level), { status: 'queued', priority: priorityName(level) })
        set(pool.running, { status: 'running', priority: '' })
        for (const status of ['waiting', 'scheduled'] as const)
          set(lifecycle.counters.of(status), { status, priority: '' })
      },
    },
    {
      name: 'oldest_queued_seconds',
      help: 'Age of the oldest task that waits for a slot; 0 when none does.',
      read: (set) => {
        const oldest = pool.oldestCreatedAt
        set(oldest === null ? 0 : Math.max(0, (clock.now() - oldest) / 1000))
      },
    },
    { name: 'queue_capacity', help: 'Tasks that may wait.', read: (set) => set(pool.capacity) },
    {
      name: 'workers',
      help: 'Slots by what they do, and handlers that ignored their abort.',
      labelNames: ['state'],
      read: (set) => {
        set(Math.max(0, pool.slots - pool.running), { state: 'idle' })
        set(pool.running, { state: 'busy' })
        set(pool.stuck, { state: 'stuck' })
      },
    },
  ]
}

function outlookGauges({ estimator, resources }: Deps): Metric[] {
  return [
    {
      name: 'estimate_p90_coverage',
      help: 'Share of waits that were not longer than the estimated p90; NaN without samples.',
      read: (set) => {
        const { p90 } = estimator.coverage.all
        if (p90 !== null) set(p90)
      },
    },
    {
      name: 'resource_limit',
      help: 'Units of a resource that may be in use now; absent for one without a limit.',
      labelNames: ['resource'],
      read: (set) => {
        for (const { name, limit } of resources.view()) if (limit !== null) set(limit, { resource: name })
      },
    },
    {
      name: 'resource_in_use',
      help: 'Units of a resource that are in use.',
      labelNames: ['resource'],
      read: (set) => {
        for (const { name, inUse } of resources.view()) set(inUse, { resource: name })
      },
    },
  ]
}

function taskCounters({ lifecycle }: Deps): Metric[] {
  return [
    {
      name: 'finished_total',
      help: 'Tasks that have ended, by how.',
      labelNames: ['outcome'],
      read: (set) => {
        for (const outcome of TASK_STATUSES.filter(isTerminal))
          set(lifecycle.counters.of(outcome), { outcome })
      },
    },
    {
      name: 'rejected_total',
      help: 'Submits that were refused.',
      read: (set) => set(lifecycle.counters.rejected),
    },
    {
      name: 'retried_total',
      help: 'Attempts after the first.',
      read: (set) => set(lifecycle.counters.retried),
    },
  ]
}

function modelCounters({ modelUse }: Deps): Metric[] {
  return [
    {
      name: 'model_calls_total',
      help: 'Calls of models since the start that were answered.',
      labelNames: ['model'],
      read: (set) => {
        for (const [model, { calls }] of modelUse()) set(calls, { model })
      },
    },
    {
      name: 'model_tokens_total',
      help: 'Tokens that models have taken and given since the start.',
      labelNames: ['model', 'direction'],
      read: (set) => {
        for (const [model, { inputTokens, outputTokens }] of modelUse()) {
          set(inputTokens, { model, direction: 'in' })
          set(outputTokens, { model, direction: 'out' })
        }
      },
    },
    {
      name: 'model_cost_usd_total',
      help: 'What models have cost since the start, by MODEL_PRICES; absent for one without a price.',
      labelNames: ['model'],
      read: (set) => {
        for (const [model, { usd }] of modelUse()) if (usd !== null) set(usd, { model })
      },
    },
  ]
}
