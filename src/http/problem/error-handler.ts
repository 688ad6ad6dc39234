import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import {
  hasZodFastifySchemaValidationErrors,
  type ZodFastifySchemaValidationError,
} from 'fastify-type-provider-zod'
import { HeadgateError } from '../../task/errors.ts'
import { PROBLEM_STATUS, sendIssues, sendProblem, type ProblemCode } from './problem.ts'

/** Fastify's and its plugins' own errors, by their codes. */
const CODE_OF_FASTIFY: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed-json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed-json',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_PROTO_VIOLATION: 'malformed-upload',
  FST_FILES_LIMIT: 'malformed-upload',
  FST_PARTS_LIMIT: 'malformed-upload',
  FST_FIELDS_LIMIT: 'malformed-upload',
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
}

const CODE_OF_STATUS: Readonly<Record<number, ProblemCode>> = {
  400: 'bad-request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  408: 'request-timeout',
  413: 'payload-too-large',
  415: 'unsupported-media-type',
  429: 'rate-limited',
  431: 'headers-too-large',
}

/** What to do instead, where the error itself has no hint. */
const HINTS: Partial<Record<ProblemCode, string>> = {
  'bad-request': 'The address, or what came with it, cannot be read.',
  unauthorized: 'The application does not know who calls.',
  forbidden: 'The application does not let this caller in.',
  'unsupported-media-type': 'Send the body as application/json, a file as multipart/form-data.',
  'payload-too-large': 'The body is larger than MAX_BODY_MB, or a file than MAX_UPLOAD_MB, allows.',
  'disk-full': 'The disk of the server is full.',
  'malformed-upload': 'Send one file named "file", and at most 20 fields beside it.',
}

/** When it makes sense to try again, seconds. */
const WAITS: Partial<Record<ProblemCode, { readonly retryAfter: number }>> = {
  'disk-full': { retryAfter: 60 },
  'journal-unavailable': { retryAfter: 5 },
}

/** The error handler of our routes: every error becomes a problem, without internal details. */
export function handleError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (hasZodFastifySchemaValidationErrors(error)) return sendInvalid(reply, error.validation)
  const code = findCode(error)
  const status = findStatus(error, code)
  // The framework would close the connection while the client still sends: see linger.ts.
  if (code === 'payload-too-large') reply.removeHeader('connection')
  const options = { ...status, ...readRetryAfter(reply), ...WAITS[code] }
  if (code !== 'internal') return sendProblem(reply, code, { detail: describe(error, code), ...options })
  request.log.error({ err: error }, 'request failed')
  return sendProblem(reply, 'internal', {
    detail: 'The server failed; the reason is in its log.',
    ...options,
  })
}

/** The hints are about requests that cannot be read. What a hook of the host throws has a message of its own. */
function describe(error: FastifyError, code: ProblemCode): string {
  const isOfHost = code === 'bad-request' && !isOfFramework(error)
  return error instanceof HeadgateError || isOfHost ? error.message : (HINTS[code] ?? error.message)
}

function isOfFramework({ code }: FastifyError): boolean {
  return typeof code === 'string' && code.startsWith('FST_')
}

/** What a hook or plugin of the host throws keeps its status, also where no code of ours has it. */
function findStatus(error: FastifyError, code: ProblemCode): { readonly status?: number } {
  const { statusCode = 500 } = error
  const isOfHost = !(error instanceof HeadgateError) && !isOfFramework(error)
  const hasOtherStatus = statusCode >= 400 && statusCode < 600 && statusCode !== PROBLEM_STATUS[code]
  const isGeneral = code === 'bad-request' || code === 'internal'
  return isOfHost && isGeneral && hasOtherStatus ? { status: statusCode } : {}
}

/** A plugin that limits rates has set the header already. */
function readRetryAfter(reply: FastifyReply): { readonly retryAfter?: number } {
  const seconds = Number(reply.getHeader('retry-after') ?? NaN)
  return Number.isFinite(seconds) ? { retryAfter: seconds } : {}
}

function findCode(error: FastifyError): ProblemCode {
  if (error instanceof HeadgateError) return isProblem(error.code) ? error.code : 'internal'
  // The JSON parser refuses __proto__ keys with a SyntaxError of its own.
  if (error instanceof SyntaxError && error.statusCode === 400) return 'malformed-json'
  const { code, statusCode = 500 } = error
  const isOfClient = statusCode >= 400 && statusCode < 500
  return CODE_OF_FASTIFY[code] ?? CODE_OF_STATUS[statusCode] ?? (isOfClient ? 'bad-request' : 'internal')
}

function isProblem(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEM_STATUS, code)
}

/** Query, parameters or body did not fit their schema; a refinement may name a code of its own. */
function sendInvalid(
  reply: FastifyReply,
  validation: readonly ZodFastifySchemaValidationError[],
): FastifyReply {
  const issues = validation.map(({ instancePath, message }) => ({
    path: instancePath.slice(1).replaceAll('/', '.'),
    message: message ?? 'does not fit',
  }))
  const named = validation.map(({ params }) => (params['params'] as { code?: string } | undefined)?.code)
  return sendIssues(
    reply,
    named.find((code) => code !== undefined && isProblem(code)) ?? 'validation',
    issues,
  )
}
