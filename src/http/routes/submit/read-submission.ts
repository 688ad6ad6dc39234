import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Caller } from '../../../auth/caller.ts'
import type { Submission } from '../../../admission/submission.ts'
import { DEFAULT_PRIORITY, priorityName, type Priority } from '../../../task/priority.ts'
import type { Webhook } from '../../../task/task.ts'
import type { SubmitRules } from '../../deps.ts'
import { readPrefix } from '../../gate/base-path.ts'
import { accessOf } from '../../gate/access.ts'
import { readRequestTrace } from '../../gate/trace.ts'
import { issuesProblem, type Issue, type ProblemCode, type ProblemOptions } from '../../problem/problem.ts'
import type { genericBody } from '../../schemas/requests.ts'

/** What a submit names itself only by `POST /api/tasks`. */
export const PLAIN = {
  upload: null,
  metadata: null,
  webhook: null,
  dedupe: null,
  delayMs: 0,
  startDeadlineMs: null,
  timeoutMs: null,
  maxAttempts: null,
  retryOf: null,
  trace: null,
  isForced: false,
} as const

export interface RequestProblem {
  readonly code: ProblemCode
  readonly options: ProblemOptions
}

/** What a request asks for. */
interface Asked {
  readonly key: string | null
  readonly body: z.output<typeof genericBody>
}

export type ParsedSubmit = { readonly submission: Submission } | { readonly problem: RequestProblem }

/** What `POST /api/tasks` asks for, in the name of its caller, or what speaks against it. */
export function readSubmission(
  rules: SubmitRules,
  request: FastifyRequest,
  { key, body }: Asked,
): ParsedSubmit {
  const { caller } = accessOf(request)
  const missing = rules.unavailable.get(body.type)
  if (missing !== undefined) return { problem: { code: 'packages-missing', options: { detail: missing } } }
  if (rules.registry.find(body.type)?.upload !== undefined) {
    const message = `this type takes a file: use POST ${readPrefix(request)}/${body.type}`
    return { problem: toRequestProblem('validation', [{ path: 'type', message }]) }
  }
  const priority = priorityFor(caller, body.priority)
  if (priority === undefined) return { problem: tooUrgent(caller) }
  const webhook =
    body.webhook === undefined ? null : { url: body.webhook.url, secret: body.webhook.secret ?? null }
  const against = webhook === null ? null : checkWebhook(rules, webhook)
  if (against !== null) return { problem: against }
  return {
    submission: {
      ...PLAIN,
      type: body.type,
      input: body.input,
      priority,
      caller: caller.name,
      key,
      trace: readRequestTrace(request),
      metadata: body.metadata ?? null,
      webhook,
      dedupe: body.dedupe ?? null,
      delayMs: (body.delay_seconds ?? 0) * 1000,
      startDeadlineMs: inMs(body.start_deadline_seconds),
      timeoutMs: inMs(body.timeout_seconds),
      maxAttempts: body.max_attempts ?? null,
    },
  }
}

/** The requested priority, or the default; undefined when it is above the caller's maximum. */
export function priorityFor({ maxPriority }: Caller, asked: Priority | undefined): Priority | undefined {
  if (asked === undefined) return maxPriority < DEFAULT_PRIORITY ? maxPriority : DEFAULT_PRIORITY
  // It is never changed silently, and so not lowered either.
  return asked > maxPriority ? undefined : asked
}

export function tooUrgent({ maxPriority }: Caller): RequestProblem {
  const detail = `The highest priority of this caller is ${priorityName(maxPriority)}.`
  return { code: 'forbidden', options: { detail } }
}

/** Deliveries go to public addresses, and are signed. */
function checkWebhook(rules: SubmitRules, { url, secret }: Webhook): RequestProblem | null {
  const refusal = rules.refusalOf(url)
  if (refusal !== null) {
    return toRequestProblem('unsafe-url', [
      { path: 'webhook.url', message: `no webhook may be sent to this address: ${refusal}` },
    ])
  }
  if (secret !== null || rules.hasWebhookSecret) return null
  const message = 'expected whsec_ and base64 of 24 to 64 bytes: this server has no secret of its own'
  return toRequestProblem('validation', [{ path: 'webhook.secret', message }])
}

export function toRequestProblem(code: ProblemCode, issues: readonly Issue[]): RequestProblem {
  return { code, options: issuesProblem(issues) }
}

function inMs(seconds: number | undefined): number | null {
  return seconds === undefined ? null : seconds * 1000
}
