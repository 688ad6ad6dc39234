import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Caller } from '../../../auth/caller.ts'
import type { TaskType, UploadPolicy } from '../../../handler/define-task.ts'
import type { SubmitReply } from '../../../admission/submission.ts'
import type { PutReply } from '../../../uploads/upload-store.ts'
import type { Priority } from '../../../task/priority.ts'
import { accessOf } from '../../gate/access.ts'
import { readRequestTrace } from '../../gate/trace.ts'
import type { App, QueueServices, StorageServices } from '../../deps.ts'
import { sendIssues, sendProblem } from '../../problem/problem.ts'
import { submitReply } from '../../schemas/responses.ts'
import { submitQuery } from '../../schemas/requests.ts'
import { describeUpload } from './describe-submit.ts'
import { readForm } from './form.ts'
import { readIdempotencyKey } from './idempotency.ts'
import { sendRefusal, sendSubmitReply, type SubmitReplyDeps } from './submit-reply.ts'
import { toRequestProblem, PLAIN, priorityFor, tooUrgent, type RequestProblem } from './read-submission.ts'

/** What is needed of the server. */
type Deps = SubmitReplyDeps & Pick<QueueServices, 'lifecycle'> & Pick<StorageServices, 'uploadStore'>

/** A task type that takes a file. */
export type UploadType = TaskType & { readonly upload: UploadPolicy }

/** `POST /<type>` of one task type that takes a file: multipart with one `file` and input fields. */
export function uploadRoute(app: App, deps: Deps, type: UploadType): void {
  const schema = { querystring: submitQuery, response: { 200: submitReply, 202: submitReply } }
  const config = { openapi: describeUpload(type, type.upload) }
  app.post(`/${type.type}`, { schema, config }, async (request, reply) => {
    if (!request.isMultipart()) {
      return sendProblem(reply, 'unsupported-media-type', { detail: 'Send the file as multipart/form-data.' })
    }
    const { caller } = accessOf(request)
    if (priorityFor(caller, request.query.priority) === undefined) {
      return sendProblem(reply, 'forbidden', tooUrgent(caller).options)
    }
    const key = readIdempotencyKey(request, reply)
    if (key === undefined) return reply
    const received = key === null ? () => undefined : deps.admission.receiveKey(caller.name, key)
    if (received === undefined) return sendInFlight(reply)
    let result: SubmitReply | null
    try {
      result = await receive(deps, type, { request, reply, key, query: request.query })
    } finally {
      received()
    }
    return result === null ? reply : sendSubmitReply(deps, reply, result)
  })
}

type UploadQuery = z.output<typeof submitQuery>

interface Reception {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly key: string | null
  readonly query: UploadQuery
}

/** Takes a file in and submits its task; null: it was refused, and that was answered. */
async function receive(deps: Deps, type: UploadType, reception: Reception): Promise<SubmitReply | null> {
  const { request, reply, key, query } = reception
  const { caller } = accessOf(request)
  // Refused before the file is read; the place itself is taken when the file is safe on disk.
  const refusal = deps.admission.refusal(caller.name, type.type)
  if (refusal !== undefined) {
    deps.lifecycle.counters.reject()
    sendRefusal(reply, refusal)
    return null
  }
  const { fields, file } = await readForm(request, deps.uploadStore, type.upload)
  if (file?.kind !== 'stored') {
    sendFileProblem(reply, file, type.upload)
    return null
  }
  const { upload } = file
  const read = withFields(query, fields, caller)
  if ('code' in read) {
    await deps.uploadStore.remove(upload)
    sendProblem(reply, read.code, read.options)
    return null
  }
  const submission = { ...PLAIN, ...read, type: type.type, upload, key, trace: readRequestTrace(request) }
  const result = await deps.admission.submit({ ...submission, caller: caller.name })
  if (result.kind !== 'accepted') await deps.uploadStore.remove(upload)
  return result
}

interface Wish {
  readonly priority: Priority
  readonly isForced: boolean
  readonly input: Readonly<Record<string, string>>
}

/** Merges query and form, or returns the problem: the form may have `priority` and `force` too, and takes precedence. */
function withFields(
  query: UploadQuery,
  fields: Readonly<Record<string, string>>,
  caller: Caller,
): Wish | RequestProblem {
  const { priority: asked, force, ...queryFields } = query
  const { priority: fieldPriority, force: fieldForce, ...formFields } = fields
  const parsed = submitQuery.safeParse({ priority: fieldPriority, force: fieldForce })
  if (!parsed.success) {
    const issues = parsed.error.issues.map(({ path, message }) => ({ path: String(path[0]), message }))
    return toRequestProblem(issues[0]?.path === 'priority' ? 'invalid-priority' : 'validation', issues)
  }
  const priority = priorityFor(caller, parsed.data.priority ?? asked)
  if (priority === undefined) return tooUrgent(caller)
  return { priority, isForced: force || parsed.data.force, input: { ...queryFields, ...formFields } }
}

function sendInFlight(reply: FastifyReply): FastifyReply {
  const detail = 'Another request with this Idempotency-Key is still being received. Try again in 1 s.'
  return sendProblem(reply, 'idempotency-in-flight', { detail, retryAfter: 1 })
}

function sendFileProblem(
  reply: FastifyReply,
  file: Exclude<PutReply, { kind: 'stored' }> | undefined,
  policy: UploadPolicy,
): FastifyReply {
  switch (file?.kind) {
    case undefined:
    case 'empty': {
      const message = file === undefined ? 'expected one file' : 'the file is empty'
      return sendIssues(reply, 'validation', [{ path: 'file', message }])
    }
    case 'too-large': {
      const detail = `The file is larger than ${file.maxBytes} bytes.`
      return sendProblem(reply, 'payload-too-large', { detail })
    }
    case 'unsupported': {
      const suggestion = findSuggestion(policy, file.mediaType)
      const detail = `The file is ${file.mediaType} by its content. ${suggestion}`
      const members = { error_type: 'unsupported_format', suggestions: [suggestion] }
      return sendProblem(reply, 'unsupported-media-type', { detail, members })
    }
  }
}

function findSuggestion({ suggestions = {}, suggestion, accept }: UploadPolicy, mediaType: string): string {
  const kind = `${mediaType.split('/', 1)[0] ?? ''}/*`
  return suggestions[mediaType] ?? suggestions[kind] ?? suggestion ?? `Send one of ${accept.join(', ')}.`
}
