import type { HistoryPoint } from '../../../history/read-history.ts'
import { MINUTE_MS } from '../../../time/minute.ts'
import { readHistory } from '../../../history/read-history.ts'
import type { Quantiles } from '../../../forecast/quantiles.ts'
import type { App, ProcessServices, StorageServices } from '../../deps.ts'
import { json, type RouteDescription } from '../../openapi/operation.ts'
import { historyReply } from '../../schemas/queue-responses.ts'
import { historyQuery } from '../../schemas/requests.ts'
import { iso } from '../../schemas/views.ts'

/** What is needed of the server. */
type Deps = Pick<StorageServices, 'history'> & Pick<ProcessServices, 'clock'>

const HISTORY: RouteDescription = {
  id: 'getHistory',
  tag: 'queue',
  summary: 'What happened in the last minutes, hours or days',
  replies: ({ history }) => ({ 200: json('Points with work, rising by time.', historyReply, history) }),
  problems: ['validation'],
}

/** Replies that are kept for the minute in which they were made. */
const MAX_KEPT = 50

/** `GET /api/queue/history`: numbers without names, made once a minute for everybody who asks the same. */
export function historyRoute(app: App, { history, clock }: Deps): void {
  const kept = new Map<string, ReturnType<typeof read>>()
  const read = async (minutes: number) => {
    const { minutesPerPoint, points } = await readHistory(history, minutes, clock.now())
    return { minutes_per_point: minutesPerPoint, points: points.map(pointView) }
  }
  const route = { schema: { querystring: historyQuery }, config: { openapi: HISTORY } }
  app.get('/api/queue/history', route, (request) => {
    const { minutes } = request.query
    const key = `${minutes} ${Math.floor(clock.now() / MINUTE_MS)}`
    const known = kept.get(key)
    if (known !== undefined) return known
    if (kept.size >= MAX_KEPT) kept.clear()
    const made = read(minutes)
    kept.set(key, made)
    // A failure is not kept.
    made.catch(() => kept.delete(key))
    return made
  })
}

function pointView(point: HistoryPoint) {
  const { submitted, refused, started, ended, waits, estimatedP90, runs } = point
  return {
    at: iso(point.at),
    submitted,
    refused,
    started,
    ended,
    wait_seconds: inSeconds(waits),
    estimated_wait_p90_seconds: estimatedP90 === null ? null : estimatedP90 / 1000,
    run_seconds: inSeconds(runs),
    deepest_queue: point.deepestQueue,
    mean_running: Number(point.meanRunning.toFixed(2)),
  }
}

function inSeconds(quantiles: Quantiles | null) {
  return quantiles === null ? null : { p50: quantiles.p50 / 1000, p90: quantiles.p90 / 1000 }
}
