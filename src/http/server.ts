import { handleError } from './error-handler.ts'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'

export interface ServerOptions {
  readonly log: FastifyBaseLogger
  /** Largest body that is not an upload. */
  readonly maxBodyBytes: number
}

const HEADERS_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 65_000
/** An upload may take this long. */
const REQUEST_TIMEOUT_MS = 10 * 60_000

/** A Fastify server of our own, for those who have none. */
export function createServer({ log, maxBodyBytes }: ServerOptions): FastifyInstance {
  const app = Fastify({
    loggerInstance: log,
    bodyLimit: maxBodyBytes,
    // One line per task says more than two lines per request.
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply),
  })
  app.server.headersTimeout = HEADERS_TIMEOUT_MS
  return app
}
