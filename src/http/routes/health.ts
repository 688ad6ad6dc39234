import type { App, ProcessServices, QueueServices, StorageServices } from '../deps.ts'
import { json, type RouteDescription } from '../openapi/operation.ts'
import { healthReply, liveReply, readyReply } from '../schemas/responses.ts'
import { iso } from '../schemas/views.ts'

/** What is needed of the server. */
type Deps = Pick<QueueServices, 'admission' | 'pool'> &
  Pick<StorageServices, 'health'> &
  Pick<ProcessServices, 'clock' | 'version' | 'isStarted'>

const PUBLIC = { gate: { isPublic: true } }
const LIVE: RouteDescription = {
  id: 'getLive',
  tag: 'health',
  summary: 'Whether the event loop turns',
  replies: () => ({ 200: json('It does.', liveReply, { status: 'live' }) }),
}
const READY: RouteDescription = {
  id: 'getReady',
  tag: 'health',
  summary: 'Whether tasks are taken',
  replies: () => ({
    200: json('They are.', readyReply, { status: 'ready', reasons: [] }),
    503: json('They are not.', readyReply, { status: 'not-ready', reasons: ['draining'] }),
  }),
}
const HEALTH: RouteDescription = {
  id: 'getHealth',
  tag: 'health',
  summary: 'Health in the legacy shape, kept for compatibility',
  replies: ({ health }) => ({ 200: json('It answers; `status` is the state.', healthReply, health) }),
}

/** `/api/health` in the legacy shape, `/health/live` and `/health/ready` for monitoring. */
export function healthRoutes(app: App, deps: Deps): void {
  app.get('/health/live', { config: { ...PUBLIC, openapi: LIVE } }, () => ({ status: 'live' }))

  app.get('/health/ready', { config: { ...PUBLIC, openapi: READY } }, (_request, reply) => {
    const reasons = reasonsAgainst(deps)
    return reply
      .code(reasons.length === 0 ? 200 : 503)
      .send({ status: reasons.length === 0 ? 'ready' : 'not-ready', reasons })
  })

  app.get('/api/health', { config: { ...PUBLIC, openapi: HEALTH } }, () => {
    const reasons = reasonsAgainst(deps)
    const status = reasons.length === 0 ? 'healthy' : 'degraded'
    return {
      status,
      timestamp: iso(deps.clock.now()),
      version: deps.version,
      components: { api: { status: 'healthy' }, queue: { status, issues: reasons } },
    }
  })
}

function reasonsAgainst({ admission, pool, health, isStarted }: Deps): string[] {
  const reasons = []
  if (!isStarted()) reasons.push('starting')
  if (admission.intake.isDraining) reasons.push('draining')
  if (health.refusal !== null) reasons.push(health.refusal)
  // The only remedy is a restart: an unresponsive handler cannot be ended otherwise.
  if (pool.isAtStuckLimit) reasons.push('stuck-handlers')
  return reasons
}
