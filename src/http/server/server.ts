import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { readRequestId } from '../gate/trace.ts'
import { handleError } from '../problem/error-handler.ts'
import { answerClientError, refuseExpectations, refuseTunnels } from './client-errors.ts'
import { cutOffSlowClients, HEADERS_TIMEOUT_MS, MAX_STARVED_MS } from './slow-clients.ts'

export interface ServerOptions {
  readonly log: FastifyBaseLogger
  /** Largest body that is not an upload. */
  readonly maxBodyBytes: number
  /** For a whole request to arrive. */
  readonly requestTimeoutMs: number
  readonly maxConnections: number
  /** Clients that are slower than this for long are cut off; 0: never. */
  readonly slowBytesPerSecond: number
  /** Path in front of every route, where a proxy does not take it away; empty: none. */
  readonly basePath: string
  /** Addresses of proxies whose X-Forwarded headers are believed. */
  readonly trustProxy: readonly string[]
}

const MAX_HEADER_BYTES = 8 * 1024
const CHECK_EVERY_MS = 1000
const KEEP_ALIVE_MS = 65_000
/**
 * Connections that wait while the process is busy. Of more the kernel drops the packets: their clients try again after
 * seconds, and are reset after a minute. Node's default is 511; the kernel has a limit of its own (`net.core.somaxconn`).
 */
export const LISTEN_BACKLOG = 4096

/** The path of a request without the path that a proxy has left before it. */
function withoutBase(url: string, basePath: string): string {
  if (!url.startsWith(basePath)) return url
  const rest = url.slice(basePath.length)
  if (rest === '') return '/'
  return rest.startsWith('/') || rest.startsWith('?') ? rest.replace(/^\?/, '/?') : url
}

/** Fastify has an option for it, which 5.12 replaced by a class; older versions do not have the class. */
const { LogController } = Fastify as Partial<Pick<typeof Fastify, 'LogController'>>
const LOGGING = { disableRequestLogging: true, requestIdLogLabel: 'requestId' }
const REQUEST_LOG = LogController === undefined ? LOGGING : { logController: new LogController(LOGGING) }

/** A Fastify server of our own, for those who have none. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { log, maxBodyBytes, requestTimeoutMs, maxConnections, slowBytesPerSecond, trustProxy, basePath } =
    options
  // `cutOffSlowClients` is in time, but where the whole machine is late; Node does not know of that.
  const headersTimeoutMs = HEADERS_TIMEOUT_MS + (slowBytesPerSecond > 0 ? MAX_STARVED_MS : 0)
  const app = Fastify({
    loggerInstance: log,
    bodyLimit: maxBodyBytes,
    // One line per task is more useful than two lines per request.
    ...REQUEST_LOG,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      // The gate answers it, as a problem.
      requireHostHeader: false,
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      connectionsCheckingInterval: CHECK_EVERY_MS,
    },
    requestTimeout: requestTimeoutMs,
    genReqId: ({ headers }: IncomingMessage) => readRequestId(headers['x-request-id']) ?? randomUUID(),
    rewriteUrl: ({ url = '/' }: IncomingMessage) => withoutBase(url, basePath),
    keepAliveTimeout: KEEP_ALIVE_MS,
    trustProxy: trustProxy.length > 0 ? [...trustProxy] : false,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => {
      // No hook runs for these, and nothing else would close the socket of an upgrade.
      if (request.headers.upgrade !== undefined) {
        reply.raw.once('finish', () => request.raw.socket.destroySoon())
      }
      handleError(error, request, reply)
    },
  })
  app.server.maxConnections = maxConnections
  refuseTunnels(app.server)
  refuseExpectations(app.server)
  if (slowBytesPerSecond > 0) cutOffSlowClients(app.server, slowBytesPerSecond)
  return app
}
