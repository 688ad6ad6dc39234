import type { z } from 'zod'
import type { TaskType } from '../../handler/define-task.ts'
import { priorityName } from '../../task/priority.ts'
import type { AccessServices, App, ProcessServices, SubmitRules } from '../deps.ts'
import { accessOf } from '../gate/access.ts'
import { createLimit } from '../gate/rate-limit.ts'
import { writeSessionCookie } from '../gate/session-cookie.ts'
import { json, type RouteDescription } from '../openapi/operation.ts'
import { sendProblem } from '../problem/problem.ts'
import { noQuery, sessionBody } from '../schemas/requests.ts'
import { sessionReply } from '../schemas/session.ts'
import { inputSchema, outputSchema } from './submit/describe-submit.ts'

/** What is needed of the server. */
type Deps = Pick<AccessServices, 'sessions' | 'identify'> &
  Pick<SubmitRules, 'registry'> &
  Pick<ProcessServices, 'version'>

/** Logins of one address. */
const LOGINS_PER_MINUTE = 10

const COOKIE = { 'set-cookie': { description: 'The session.', schema: { type: 'string' as const } } }
const LOG_IN: RouteDescription = {
  id: 'logIn',
  tag: 'session',
  summary: 'Begin a session in a browser: a cookie instead of the token',
  bodyExample: { token: 'hg_…' },
  replies: () => ({ 204: { description: 'The cookie is valid for 12 hours.', headers: COOKIE } }),
  problems: [
    'validation',
    'malformed-json',
    'payload-too-large',
    'unauthorized',
    'rate-limited',
    'not-found',
  ],
}
const WHO_AM_I: RouteDescription = {
  id: 'getSession',
  tag: 'session',
  summary: 'Who calls, what it may do, and the task types with the schemas of their inputs',
  replies: ({ session }) => ({ 200: json('The caller.', sessionReply, session) }),
  problems: ['validation'],
}
const LOG_OUT: RouteDescription = {
  id: 'logOut',
  tag: 'session',
  summary: 'End the session of this browser',
  replies: () => ({ 204: { description: 'The cookie is gone.', headers: COOKIE } }),
  problems: ['validation', 'malformed-json'],
}

const NO_QUERY = { querystring: noQuery }

/** `/api/session`: a browser logs in with a token once, and holds a cookie that no script can read. */
export function sessionRoutes(app: App, deps: Deps): void {
  loginRoute(app, deps)

  const types = deps.registry.all.map(typeView)
  app.get('/api/session', { schema: NO_QUERY, config: { openapi: WHO_AM_I } }, (request) => {
    const { caller, isSession } = accessOf(request)
    const { name, role, maxPriority } = caller
    const level = { max_priority: maxPriority, max_priority_name: priorityName(maxPriority) }
    return { name, role, ...level, is_session: isSession, types, version: deps.version }
  })

  const logout = { schema: NO_QUERY, config: { gate: { hasOptionalBody: true }, openapi: LOG_OUT } }
  app.delete('/api/session', logout, (request, reply) =>
    reply.code(204).header('set-cookie', writeSessionCookie(request, null)).send(),
  )
}

function loginRoute(app: App, deps: Deps): void {
  const tries = createLimit(app, LOGINS_PER_MINUTE)
  const config = { gate: { isPublic: true }, openapi: LOG_IN }
  const route = { schema: { ...NO_QUERY, body: sessionBody }, config }
  app.post('/api/session', route, async (request, reply) => {
    if (deps.identify !== null) {
      const detail = 'The application itself knows who calls: log in there.'
      return sendProblem(reply, 'not-found', { detail })
    }
    const retryAfter = await tries(request, request.ip)
    if (retryAfter !== null) {
      const detail = `Too many logins. Try again in ${retryAfter} s.`
      return sendProblem(reply, 'rate-limited', { detail, retryAfter })
    }
    const session = deps.sessions.issue(request.body.token)
    if (session === undefined) {
      return sendProblem(reply, 'unauthorized', { detail: 'The token is unknown, revoked or expired.' })
    }
    return reply.code(204).header('set-cookie', writeSessionCookie(request, session)).send()
  })
}

function typeView(type: TaskType): z.output<typeof sessionReply>['types'][number] {
  const { upload, formats = {} } = type
  return {
    type: type.type,
    description: type.input.description ?? null,
    input: inputSchema(type),
    output: type.output === undefined ? null : outputSchema(type.output),
    upload: upload === undefined ? null : { accept: [...upload.accept], max_bytes: upload.maxBytes },
    formats: ['json', ...Object.keys(formats)],
  }
}
