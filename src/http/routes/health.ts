import type { App, HttpDeps } from '../deps.ts'
import { iso } from '../schemas/views.ts'

const PUBLIC = { config: { gate: { isPublic: true } } }

/** `/api/health` in the legacy shape, `/health/live` and `/health/ready` for monitoring. */
export function healthRoutes(app: App, deps: HttpDeps): void {
  app.get('/health/live', PUBLIC, () => ({ status: 'live' }))

  app.get('/health/ready', PUBLIC, (_request, reply) => {
    const reasons = reasonsAgainst(deps)
    return reply
      .code(reasons.length === 0 ? 200 : 503)
      .send({ status: reasons.length === 0 ? 'ready' : 'not-ready', reasons })
  })

  app.get('/api/health', PUBLIC, () => {
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

function reasonsAgainst({ admission, pool, health, isStarted }: HttpDeps): string[] {
  const reasons = []
  if (!isStarted()) reasons.push('starting')
  if (admission.isDraining) reasons.push('draining')
  if (health.refusal !== null) reasons.push(health.refusal)
  // The only remedy is a restart: an unresponsive handler cannot be ended otherwise.
  if (pool.isAtStuckLimit) reasons.push('stuck-handlers')
  return reasons
}
