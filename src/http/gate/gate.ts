import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { failpoint } from '../../failpoints.ts'
import type { RequestLimits, StreamServices } from '../deps.ts'
import type { AnswerUnknown } from '../problem/not-found.ts'
import { sendProblem } from '../problem/problem.ts'
import { accessOf, decorateAccess, grant } from './access.ts'
import type { Authentication, Authenticator } from './authenticate.ts'
import { decoratePrefix } from './base-path.ts'
import { createLimits, type Limits } from './rate-limit.ts'
import { readOnAfterReply } from './linger.ts'
import { logRequests } from './request-log.ts'
import { isForeign, headerFault } from './origin.ts'
import { isSameSite, readCookies, readSessionCookie } from './session-cookie.ts'

/** What is needed of the server. */
type Deps = RequestLimits & Pick<StreamServices, 'places'> & { readonly authenticator: Authenticator }

/** What a route declares for the gate. */
interface GateConfig {
  /** Served to everybody, and not counted: numbers without names, health, and the description of the API. */
  readonly isPublic?: boolean
  /** A stream: a ticket will do, and its places are limited. */
  readonly isStream?: boolean
  /** A ticket will do: one that reads, or only one that may cancel. */
  readonly ticket?: 'read' | 'cancel'
  /** It needs no body: an empty one is ignored, whatever its content type. */
  readonly hasOptionalBody?: boolean
}

/** A route that reads one task: a ticket of the task will do. */
export const TICKET_READS = { gate: { ticket: 'read' } } as const

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly gate?: GateConfig
  }
}

interface Visit {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

const CROSS_SITE = 'With a session, only pages of this server may change anything or open a WebSocket.'
const READ_ONLY = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Runs before every route of the plugin: authentication, origin and rate limits. */
export async function gate(app: FastifyInstance, deps: Deps, answerUnknown: AnswerUnknown): Promise<void> {
  decorateAccess(app)
  decoratePrefix(app, deps.findPrefix)
  await readCookies(app)
  const limits = await createLimits(app, deps)
  const origins = new Set(deps.corsOrigins)
  logRequests(app)
  readOnAfterReply(app, deps.linger)
  app.addHook('onRequest', (request, reply, done) => {
    failpoint('headers-read')
    reply.headers(SECURITY_HEADERS)
    reply.header('x-request-id', request.id)
    // A refused upgrade has left Node's own care for its socket: nothing else would ever close it.
    if (request.headers.upgrade !== undefined)
      reply.raw.once('finish', () => request.raw.socket.destroySoon())
    if (refusesHeaders(request, reply) || refusesOrigin({ request, reply }, origins)) return
    // Before its body is read.
    if (request.is404) return void answerUnknown(request, reply)
    const config = request.routeOptions.config.gate
    if (config?.hasOptionalBody === true) ignoreEmptyBody(request)
    if (config?.isPublic === true || request.method === 'OPTIONS') return done()
    // Without tokens nothing has to be waited for.
    const atOnce = deps.authenticator.atOnce(request)
    if (atOnce !== undefined) {
      if (admits(deps, { request, reply }, atOnce)) done()
      return
    }
    enter(deps, limits, { request, reply }).then(
      (isIn) => isIn && done(), // oxlint-disable-line promise/no-callback-in-promise -- a hook of callbacks
      done,
    )
  })
}

/** Resolves to whether the request continues; if not, it has been answered. */
async function enter(deps: Deps, limits: Limits, { request, reply }: Visit): Promise<boolean> {
  if (refusesRate(reply, await limits.ofAddress(request, request.ip))) return false
  const authentication = await resolveAuthentication(deps.authenticator, request)
  const name = authentication.kind === 'known' ? authentication.access.caller.name : null
  if (name !== null && refusesRate(reply, await limits.ofCaller(request, name))) return false
  return admits(deps, { request, reply }, authentication)
}

/** Grants the access; without one, or without a free stream, it answers. */
function admits(deps: Deps, { request, reply }: Visit, authentication: Authentication): boolean {
  if (authentication.kind !== 'known') {
    if (authentication.kind === 'unauthorized') reply.header('www-authenticate', 'Bearer realm="headgate"')
    sendProblem(reply, authentication.kind, { detail: authentication.detail })
    return false
  }
  const { gate: config } = request.routeOptions.config
  if (config?.ticket === 'cancel' && !authentication.access.mayCancel) {
    sendProblem(reply, 'forbidden', { detail: 'This ticket does not let its bearer cancel.' })
    return false
  }
  if (authentication.access.isSession && mayChange(request) && !isSameSite(request)) {
    sendProblem(reply, 'cross-site', { detail: CROSS_SITE })
    return false
  }
  grant(request, authentication.access)
  failpoint('auth-done')
  return config?.isStream !== true || takesPlace(deps, request, reply)
}

function resolveAuthentication(
  authenticator: Authenticator,
  request: FastifyRequest,
): Promise<Authentication> {
  const { ticket } = request.query as { ticket?: unknown }
  const { gate: config } = request.routeOptions.config
  const isTicketed = (config?.isStream === true || config?.ticket !== undefined) && ticket !== undefined
  if (!isTicketed || request.headers.authorization !== undefined) return authenticator.authenticate(request)
  return authenticator.byTicket(
    typeof ticket === 'string' ? ticket : '',
    (request.params as { id?: string }).id,
  )
}

function refusesHeaders(request: FastifyRequest, reply: FastifyReply): boolean {
  switch (headerFault(request)) {
    case null:
      break
    case 'too-many':
      sendProblem(reply, 'headers-too-large', { detail: 'The request has more than 100 headers.' })
      return true
    case 'no-host':
      sendProblem(reply, 'bad-request', { detail: 'The request names no host.' })
      return true
    case 'host':
      sendProblem(reply, 'bad-request', { detail: 'The request names two hosts.' })
      return true
    case 'authorization':
      sendProblem(reply, 'unauthorized', { detail: 'The request has two Authorization headers.' })
      return true
  }
  if (request.headers.upgrade !== undefined && request.raw.httpVersion !== '1.1') {
    sendProblem(reply, 'bad-request', { detail: 'An upgrade needs HTTP/1.1.' })
    return true
  }
  const encoding = request.headers['content-encoding']
  if (encoding === undefined || encoding === 'identity') return false
  sendProblem(reply, 'unsupported-media-type', {
    detail: 'Send the body as it is, without Content-Encoding.',
  })
  return true
}

/** Many clients name a content type with every POST: without a body it has no meaning. */
function ignoreEmptyBody({ headers }: FastifyRequest): void {
  const length = headers['content-length']
  const isEmpty = headers['transfer-encoding'] === undefined && (length === undefined || length === '0')
  if (isEmpty) delete headers['content-type']
}

/** Whether a request may change something: a WebSocket takes orders. */
function mayChange({ method, headers }: FastifyRequest): boolean {
  return !READ_ONLY.has(method) || headers.upgrade !== undefined
}

/** Pages of others may read what their browser lets them; they may not change anything, nor open a WebSocket. */
function refusesOrigin({ request, reply }: Visit, origins: ReadonlySet<string>): boolean {
  if (request.headers.origin === undefined) return false
  if (!mayChange(request) || !isForeign(request, origins)) return false
  if (readSessionCookie(request) !== undefined) {
    sendProblem(reply, 'cross-site', { detail: CROSS_SITE })
    return true
  }
  sendProblem(reply, 'forbidden', {
    detail: 'Pages of this origin may not call; the operator names origins in CORS_ORIGINS.',
  })
  return true
}

function refusesRate(reply: FastifyReply, retryAfter: number | null): boolean {
  if (retryAfter === null) return false
  sendProblem(reply, 'rate-limited', {
    detail: `Too many requests. Try again in ${retryAfter} s.`,
    retryAfter,
  })
  return true
}

/** When all streams are in use, the next one is asked to retry later. */
function takesPlace({ places }: Deps, request: FastifyRequest, reply: FastifyReply): boolean {
  const release = places.take(accessOf(request).caller)
  if (release === undefined) {
    const detail = 'Too many streams are open. Close one, or try again later.'
    sendProblem(reply, 'rate-limited', { detail, retryAfter: STREAM_RETRY_SECONDS })
    return false
  }
  const isUpgrade = request.headers.upgrade !== undefined
  const carrier = isUpgrade ? request.raw.socket : reply.raw
  // The client may have left during the authentication: its `close` was emitted already.
  if (carrier.destroyed || request.raw.socket.destroyed) {
    release()
    return false
  }
  carrier.once('close', release)
  return true
}

const STREAM_RETRY_SECONDS = 5

/** On every reply: restrictions for browsers. Streams and pages replace them where they have to. */
const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
} as const
