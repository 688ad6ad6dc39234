import type { FastifyInstance } from 'fastify'
import { grantedTo } from './access.ts'

/** Refusals that an operator asks about: who, or how many, and not what was sent. */
const REFUSALS = new Set([401, 403, 429, 503])

function isDetailed(level: string): boolean {
  return level === 'debug' || level === 'trace'
}

/** One line for each refused request at `info`, and for every other at `debug`. Never a query, a header or a body. */
export function logRequests(app: FastifyInstance): void {
  // Not the logger of the request, which has an id of it already, under a name of the host's.
  app.addHook('onResponse', (request, reply, done) => {
    const isRefused = REFUSALS.has(reply.statusCode)
    if (!isRefused && !isDetailed(app.log.level)) return done()
    const fields = {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? null,
      status: reply.statusCode,
      caller: grantedTo(request)?.caller.name ?? null,
      ms: Math.round(reply.elapsedTime),
    }
    if (isRefused) app.log.info(fields, 'request refused')
    else app.log.debug(fields, 'request answered')
    done()
  })
}
