import type { FastifyReply } from 'fastify'
import type { Caller } from '../../caller/caller.ts'
import type { TaskType } from '../../handler/define-task.ts'
import { DEFAULT_PRIORITY, priorityName, type Priority } from '../../task/priority.ts'
import type { Webhook } from '../../task/task.ts'
import { accessOf, visibleTask } from '../gate/access.ts'
import type { App, EdgeParts } from '../parts.ts'
import { sendIssues, sendProblem } from '../problem/problem.ts'
import { submitReply } from '../wire/replies.ts'
import { genericBody, noQuery, submitQuery } from '../wire/schema.ts'
import { idempotencyKeyOf } from './idempotency.ts'
import { sendReconnected, sendSubmitReply } from './submit-reply.ts'

const replies = { 200: submitReply, 202: submitReply }
/** What a submit names itself only by `POST /api/tasks`. */
const PLAIN = { upload: null, metadata: null, webhook: null, dedupe: null }

/** `POST /<type>` of one task type that takes JSON. */
export function submitRoute(app: App, parts: EdgeParts, type: TaskType): void {
  const schema = { querystring: submitQuery, response: replies }
  app.post(`/${type.type}`, { schema, bodyLimit: parts.maxBodyBytes }, async (request, reply) => {
    const { knownId, input } = splitBody(request.body)
    const access = accessOf(request)
    const known = knownId === undefined ? undefined : await visibleTask(parts, access, knownId)
    if (known?.type === type.type) return sendReconnected(parts, reply, known)

    const { priority: asked, force: isForced } = request.query
    const priority = priorityFor(access.caller, asked)
    if (priority === undefined) return sendTooUrgent(reply, access.caller)
    const key = idempotencyKeyOf(request, reply)
    if (key === undefined) return reply
    const submission = {
      ...PLAIN,
      type: type.type,
      input,
      priority,
      caller: access.caller.name,
      key,
      isForced,
    }
    return sendSubmitReply(parts, reply, await parts.intake.submit(submission))
  })
}

/** `POST /api/tasks`: any type that takes JSON. */
export function genericSubmitRoute(app: App, parts: EdgeParts): void {
  const schema = { body: genericBody, querystring: noQuery, response: replies }
  app.post('/api/tasks', { schema, bodyLimit: parts.maxBodyBytes }, async (request, reply) => {
    const { type, input, metadata = null, dedupe = null, webhook: asked } = request.body
    if (parts.registry.find(type)?.upload !== undefined) {
      const message = `this type takes a file: use POST ${parts.prefix}/${type}`
      return sendIssues(reply, 'validation', [{ path: 'type', message }])
    }
    const { caller } = accessOf(request)
    const priority = priorityFor(caller, request.body.priority)
    if (priority === undefined) return sendTooUrgent(reply, caller)
    const key = idempotencyKeyOf(request, reply)
    if (key === undefined) return reply
    const webhook = asked === undefined ? null : { url: asked.url, secret: asked.secret ?? null }
    if (webhook !== null && refusesWebhook(parts, reply, webhook)) return reply
    const named = { metadata, webhook, dedupe, key, upload: null, isForced: false }
    const submission = { ...named, type, input, priority, caller: caller.name }
    return sendSubmitReply(parts, reply, await parts.intake.submit(submission))
  })
}

/** The priority that was asked for, or the default; undefined when the caller may not ask for so much. */
export function priorityFor({ maxPriority }: Caller, asked: Priority | undefined): Priority | undefined {
  if (asked === undefined) return maxPriority < DEFAULT_PRIORITY ? maxPriority : DEFAULT_PRIORITY
  // It is never changed silently, and so not lowered either.
  return asked > maxPriority ? undefined : asked
}

export function sendTooUrgent(reply: FastifyReply, { maxPriority }: Caller): FastifyReply {
  const detail = `The highest priority of this caller is ${priorityName(maxPriority)}.`
  return sendProblem(reply, 'forbidden', { detail })
}

/** Deliveries go to public addresses, and are signed. */
function refusesWebhook(parts: EdgeParts, reply: FastifyReply, { url, secret }: Webhook): boolean {
  const refusal = parts.refusalOf(url)
  if (refusal !== null) {
    const message = `this address may not be told: ${refusal}`
    sendIssues(reply, 'unsafe-url', [{ path: 'webhook.url', message }])
    return true
  }
  if (secret !== null || parts.hasWebhookSecret) return false
  const message = 'expected whsec_ and base64 of 24 to 64 bytes: this server has no secret of its own'
  sendIssues(reply, 'validation', [{ path: 'webhook.secret', message }])
  return true
}

/** The original let a client name a task of its own in the body, to connect to it again. */
function splitBody(body: unknown): { readonly knownId?: string; readonly input: unknown } {
  if (typeof body !== 'object' || body === null || !('task_id' in body)) return { input: body }
  const { task_id: knownId, ...input } = body
  return typeof knownId === 'string' ? { knownId, input } : { input: body }
}
