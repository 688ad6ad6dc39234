import type { App, EdgeParts } from '../deps.ts'
import { iso } from '../schemas/views.ts'

const PUBLIC = { config: { gate: { isPublic: true } } }

/** `/api/health` in the original's shape, `/health/live` and `/health/ready` for whoever watches the process. */
export function healthRoutes(app: App, parts: EdgeParts): void {
  app.get('/health/live', PUBLIC, () => ({ status: 'live' }))

  app.get('/health/ready', PUBLIC, (_request, reply) => {
    const reasons = reasonsAgainst(parts)
    return reply
      .code(reasons.length === 0 ? 200 : 503)
      .send({ status: reasons.length === 0 ? 'ready' : 'not-ready', reasons })
  })

  app.get('/api/health', PUBLIC, () => {
    const reasons = reasonsAgainst(parts)
    const status = reasons.length === 0 ? 'healthy' : 'degraded'
    return {
      status,
      timestamp: iso(parts.clock.now()),
      version: parts.version,
      components: { api: { status: 'healthy' }, queue: { status, issues: reasons } },
    }
  })
}

function reasonsAgainst({ intake, pool, health, isStarted }: EdgeParts): string[] {
  const reasons = []
  if (!isStarted()) reasons.push('starting')
  if (intake.isDraining) reasons.push('draining')
  if (health.refusal !== null) reasons.push(health.refusal)
  // The way out of this one is a restart: a deaf handler cannot be ended otherwise.
  if (pool.isAtStuckLimit) reasons.push('stuck-handlers')
  return reasons
}
