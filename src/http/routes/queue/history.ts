import type { HistoryPoint } from '../../../history/read-history.ts'
import { readHistory } from '../../../history/read-history.ts'
import type { Quantiles } from '../../../forecast/quantiles.ts'
import type { App, HttpDeps } from '../../deps.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { historyReply } from '../../schemas/queue-responses.ts'
import { historyQuery } from '../../schemas/requests.ts'
import { iso } from '../../schemas/views.ts'

/** What is needed of the server. */
type Deps = Pick<HttpDeps, 'history' | 'clock'>

const HISTORY: RouteDescription = {
  id: 'getHistory',
  tag: 'queue',
  summary: 'What happened in the last minutes, hours or days',
  replies: ({ history }) => ({ 200: json('Points with work, rising by time.', historyReply, history) }),
  problems: ['validation'],
}

/** `GET /api/queue/history`: numbers without names, as the stats. */
export function historyRoute(app: App, { history, clock }: Deps): void {
  const config = { gate: { isPublic: true }, openapi: HISTORY }
  app.get('/api/queue/history', { schema: { querystring: historyQuery }, config }, async (request) => {
    const { minutesPerPoint, points } = await readHistory(history, request.query.minutes, clock.now())
    return { minutes_per_point: minutesPerPoint, points: points.map(pointView) }
  })
}

function pointView(point: HistoryPoint) {
  const { submitted, refused, started, ended, waits, toldP90, runs } = point
  return {
    at: iso(point.at),
    submitted,
    refused,
    started,
    ended,
    wait_seconds: inSeconds(waits),
    told_wait_p90_seconds: toldP90 === null ? null : toldP90 / 1000,
    run_seconds: inSeconds(runs),
    deepest_queue: point.deepestQueue,
    mean_running: Number(point.meanRunning.toFixed(2)),
  }
}

function inSeconds(quantiles: Quantiles | null) {
  return quantiles === null ? null : { p50: quantiles.p50 / 1000, p90: quantiles.p90 / 1000 }
}
