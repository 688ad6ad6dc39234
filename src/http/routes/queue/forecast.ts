import type { z } from 'zod'
import {
  plan,
  smallestWorkers,
  type Arriving,
  type Plan,
  type Question,
} from '../../../forecast/plan/plan.ts'
import type { Service } from '../../../forecast/plan/distributions.ts'
import { DEFAULT_PRIORITY, PRIORITIES, priorityName } from '../../../task/priority.ts'
import { accessOf } from '../../gate/access.ts'
import type { App, QueueServices, SubmitRules } from '../../deps.ts'
import { sendIssues } from '../../problem/problem.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { capacityReply, forEachPriority, forecastReply } from '../../schemas/queue-responses.ts'
import { capacityQuery, forecastQuery } from '../../schemas/requests.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'admission' | 'pool' | 'estimator'> & Pick<SubmitRules, 'registry'>

/** The same question gets the same answer. */
const SEED = 1
/** Arrivals of one plan: it is played while others wait. */
const MAX_ARRIVALS = 20_000

const CAPACITY: RouteDescription = {
  id: 'getCapacity',
  tag: 'queue',
  summary: 'Whether a task of the caller would be taken now',
  replies: ({ capacity }) => {
    const refused = { ...capacity, accepting: false, reason: 'queue-full' }
    return {
      200: json('It would.', capacityReply, capacity),
      503: json('It would not.', capacityReply, refused),
    }
  },
  problems: ['validation', 'invalid-priority'],
}
const FORECAST: RouteDescription = {
  id: 'getForecast',
  tag: 'queue',
  summary: 'What would be with other workers, or another load',
  replies: ({ forecast }) => ({ 200: json('A plan.', forecastReply, forecast) }),
  problems: ['validation'],
}

/** What would be: "would you take it now?", and waits under another load or with other workers. */
export function forecastRoutes(app: App, deps: Deps): void {
  const capacity = { querystring: capacityQuery, response: { 200: capacityReply, 503: capacityReply } }
  app.get(
    '/api/queue/capacity',
    { schema: capacity, config: { openapi: CAPACITY } },
    async (request, reply) => {
      const { type } = request.query
      if (type !== undefined && deps.registry.find(type) === undefined) {
        return sendIssues(reply, 'validation', [{ path: 'type', message: 'there is no such task type' }])
      }
      const view = capacityView(deps, accessOf(request).caller.name, request.query)
      if (view.retry_after !== null) reply.header('retry-after', view.retry_after)
      return reply.code(view.accepting ? 200 : 503).send(view)
    },
  )

  const forecast = { querystring: forecastQuery, response: { 200: forecastReply } }
  app.get(
    '/api/queue/forecast',
    { schema: forecast, config: { openapi: FORECAST } },
    async (request, reply) => {
      const question = toQuestion(deps, request.query)
      if (question === null) {
        const message = 'expected a run time: fewer than five tasks have completed here'
        return sendIssues(reply, 'validation', [{ path: 'run_seconds', message }])
      }
      const { arriving } = question
      if (arriving.pattern !== 'burst' && (arriving.perMinute * arriving.duration) / 60 > MAX_ARRIVALS) {
        const message = `expected at most ${MAX_ARRIVALS} arrivals: fewer minutes, or fewer a minute`
        return sendIssues(reply, 'validation', [{ path: 'minutes', message }])
      }
      const target = request.query.target_p90_seconds
      const smallest = target === undefined ? null : smallestWorkers(question, target)
      return reply.send(forecastView(deps, { question, plan: plan(question), smallest }))
    },
  )
}

function capacityView(deps: Deps, caller: string, query: z.output<typeof capacityQuery>) {
  const { priority = DEFAULT_PRIORITY, type = null } = query
  const { admission, pool, estimator } = deps
  const level = PRIORITIES.find((each) => each === priority) ?? DEFAULT_PRIORITY
  const refusal = admission.refusal(caller, type)
  const tasksAhead = pool.aheadOfNewcomer(level, caller)
  return {
    accepting: refusal === undefined,
    priority: level,
    priority_name: priorityName(level),
    reason: refusal?.code ?? null,
    free_places: Math.max(0, pool.capacity - pool.taken),
    max_queue_size: pool.capacity,
    tasks_ahead: tasksAhead,
    estimated_wait_seconds: estimator.newcomer(level, tasksAhead),
    retry_after: refusal?.retryAfterSeconds ?? null,
  }
}

/** What is asked, with what is not named as it is here and now; null: nothing is known of run times. */
function toQuestion(deps: Deps, query: z.output<typeof forecastQuery>): Question | null {
  const { pool, estimator } = deps
  const { workers = Math.max(1, pool.slots), burst, pattern, minutes, run_seconds: run } = query
  const services =
    run === undefined ? toServices(deps) : [{ share: 1, service: { law: 'fixed', mean: run } as const }]
  if (services.length === 0) return null
  const measured = Math.max(0.001, estimator.arrivalsPerMinute())
  const perMinute = query.arrivals_per_minute ?? measured
  // A load that was measured, not asked for, is played as long as it can be.
  const most = query.arrivals_per_minute === undefined ? (MAX_ARRIVALS / perMinute) * 60 : Infinity
  const duration = Math.min(minutes * 60, most)
  const arriving: Arriving =
    burst === undefined ? { pattern, perMinute, duration } : { pattern: 'burst', count: burst }
  const shares = PRIORITIES.map((level) => estimator.arrivals.countOf(level))
  const isKnown = shares.some((share) => share > 0)
  return {
    workers,
    capacity: pool.capacity,
    headStart: estimator.headStartMs / 1000,
    arriving,
    kinds: services,
    priorities: isKnown ? shares : [0, 1, 0, 0],
    seed: SEED,
  }
}

/** Run times as they were, type by type, by how often each came. */
function toServices({ estimator }: Deps): { share: number; service: Service }[] {
  if (estimator.runTimes.all.size < 5) return []
  return [...estimator.runTimes.types.values()].map((times) => ({
    share: times.size,
    service: { law: 'samples', values: [...times.sorted].map((ms) => ms / 1000) },
  }))
}

interface Answer {
  readonly question: Question
  readonly plan: Plan
  readonly smallest: number | null
}

function forecastView({ estimator }: Deps, { question, plan: result, smallest }: Answer) {
  const { arriving } = question
  const measured = estimator.arrivalsPerMinute()
  return {
    workers: result.workers,
    arrivals_per_minute: round(arriving.pattern === 'burst' ? 0 : arriving.perMinute, 3),
    pattern: arriving.pattern,
    tasks: result.tasks,
    mean_run_seconds: round(result.meanRun, 1),
    load: result.load === null ? null : round(result.load, 3),
    verdict: result.verdict,
    wait_seconds: waitsView(result.waits),
    wait_seconds_by_priority: Object.fromEntries(
      Object.entries(result.byPriority).map(([name, waits]) => [name, waitsView(waits)]),
    ),
    queue: { mean: round(result.queue.mean, 1), longest: result.queue.longest, at_end: result.queue.atEnd },
    refused_share: round(result.refused, 4),
    last_done_seconds: round(result.lastDone, 1),
    last_wait_seconds: result.lastWait === null ? null : round(result.lastWait, 1),
    smallest_workers: smallest,
    now: {
      estimated_wait_seconds: forEachPriority((priority) => estimator.newcomer(priority)),
      estimate_coverage: forEachPriority((priority) => estimator.coverage.of(priority)),
      arrivals_per_minute: round(measured, 3),
    },
  }
}

function waitsView({ tasks, mean, p50, p90, p99, longest }: Plan['waits']) {
  const [rounded, half, most, nearlyAll, last] = [mean, p50, p90, p99, longest].map((value) =>
    round(value, 1),
  )
  return { tasks, mean: rounded, p50: half, p90: most, p99: nearlyAll, longest: last } as Plan['waits']
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
