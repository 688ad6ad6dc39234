import type { FastifyReply } from 'fastify'
import { ERROR_CODES, type ErrorCode } from '../../task/errors.ts'

/** HTTP status of every code that can reach a client. */
export const PROBLEM_STATUS = {
  'queue-full': 503,
  'user-queue-full': 429,
  'intake-paused': 503,
  draining: 503,
  'journal-unavailable': 503,
  'disk-full': 503,
  'responses-busy': 503,
  'invalid-priority': 422,
  validation: 422,
  'unsafe-url': 422,
  'malformed-json': 400,
  'malformed-upload': 400,
  'bad-request': 400,
  unauthorized: 401,
  forbidden: 403,
  'cross-site': 403,
  'rate-limited': 429,
  'unknown-task-type': 404,
  'task-not-found': 404,
  'not-found': 404,
  'packages-missing': 501,
  'method-not-allowed': 405,
  'already-started': 409,
  'already-finished': 409,
  'idempotency-in-flight': 409,
  'idempotency-mismatch': 422,
  'task-gone': 410,
  'task-not-finished': 409,
  'payload-too-large': 413,
  'headers-too-large': 431,
  'request-timeout': 408,
  'unsupported-media-type': 415,
  internal: 500,
} as const satisfies Partial<Record<ErrorCode, number>>

export type ProblemCode = keyof typeof PROBLEM_STATUS

export interface ProblemOptions {
  /** One sentence about this occurrence. */
  readonly detail: string
  /** Seconds; sent as Retry-After too. */
  readonly retryAfter?: number
  /** Instead of that of the code, where an error of the host has one. */
  readonly status?: number
  /** Further members of the problem. */
  readonly members?: Readonly<Record<string, unknown>>
}

/** Sends a problem (RFC 9457). */
export function sendProblem(reply: FastifyReply, code: ProblemCode, options: ProblemOptions): FastifyReply {
  const { retryAfter } = options
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  const { request } = reply
  const body = problemBody(code, options, request.url.split('?', 1)[0])
  const problem = { ...body, request_id: request.id }
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem))
}

/** @param instance the path of the request, where there is one */
export function problemBody(code: ProblemCode, options: ProblemOptions, instance?: string) {
  const { detail, retryAfter, status = PROBLEM_STATUS[code], members } = options
  return {
    type: `urn:headgate:problem:${code}`,
    title: ERROR_CODES[code],
    status,
    detail,
    ...(instance === undefined ? {} : { instance }),
    error_type: code.replaceAll('-', '_'),
    ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
    ...members,
  }
}

export interface Issue {
  /** Dotted; empty for the whole. */
  readonly path: string
  readonly message: string
}

/** A schema may list many unknown names; only the first are shown. */
const MAX_ISSUES = 20
const MAX_ISSUE_CHARS = 200

/** A problem that lists field by field what is wrong. */
export function sendIssues(reply: FastifyReply, code: ProblemCode, given: readonly Issue[]): FastifyReply {
  return sendProblem(reply, code, issuesProblem(given))
}

export function issuesProblem(given: readonly Issue[]): ProblemOptions {
  const issues = given
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => ({ path: cut(path), message: cut(message) }))
  const detail = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
  return { detail, members: { errors: issues } }
}

function cut(text: string): string {
  return text.length > MAX_ISSUE_CHARS ? `${text.slice(0, MAX_ISSUE_CHARS - 1)}…` : text
}
