import type { FastifyReply, FastifyRequest } from 'fastify'
import type { MultipartFile, MultipartValue } from '@fastify/multipart'
import type { TaskType, UploadPolicy } from '../../../handler/define-task.ts'
import type { SubmitReply } from '../../../intake/admit/submission.ts'
import type { PutReply } from '../../../spool/spool.ts'
import { HeadgateError } from '../../../task/errors.ts'
import type { Priority } from '../../../task/priority.ts'
import { accessOf } from '../../gate/access.ts'
import { traceOf } from '../../gate/trace.ts'
import { partsFor, type App, type EdgeParts } from '../../parts.ts'
import { sendIssues, sendProblem } from '../../problem/problem.ts'
import { submitReply } from '../../wire/replies.ts'
import { submitQuery } from '../../wire/schema.ts'
import { idempotencyKeyOf } from './idempotency.ts'
import { sendRefusal, sendSubmitReply } from './submit-reply.ts'
import { PLAIN, priorityFor, tooUrgent } from './read-submission.ts'

const LIMITS = { files: 1, fields: 20, fieldSize: 64 * 1024, parts: 21 }
const MAX_FIELD_NAME_CHARS = 100

/** A task type that takes a file. */
export type UploadType = TaskType & { readonly upload: UploadPolicy }

interface Form {
  readonly fields: Record<string, string>
  readonly file: PutReply | undefined
}

/** `POST /<type>` of one task type that takes a file: multipart with one `file` and input fields. */
export function uploadRoute(app: App, shared: EdgeParts, type: UploadType): void {
  const schema = { querystring: submitQuery, response: { 200: submitReply, 202: submitReply } }
  app.post(`/${type.type}`, { schema }, async (request, reply) => {
    const parts = partsFor(shared, request)
    const { priority: asked, force: isForced, ...queryFields } = request.query
    if (!request.isMultipart()) {
      return sendProblem(reply, 'unsupported-media-type', { detail: 'Send the file as multipart/form-data.' })
    }
    const { caller } = accessOf(request)
    const priority = priorityFor(caller, asked)
    if (priority === undefined) return sendProblem(reply, 'forbidden', tooUrgent(caller).options)
    const key = idempotencyKeyOf(request, reply)
    if (key === undefined) return reply
    const received = key === null ? () => undefined : parts.intake.keys.receive(caller.name, key)
    if (received === undefined) return sendInFlight(reply)
    let said: SubmitReply | null
    try {
      const sent = { priority, isForced, key, queryFields: queryFields as Record<string, string> }
      said = await receive(parts, type, { request, reply, ...sent })
    } finally {
      received()
    }
    return said === null ? reply : sendSubmitReply(parts, reply, said)
  })
}

interface Reception {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly priority: Priority
  readonly isForced: boolean
  readonly key: string | null
  readonly queryFields: Readonly<Record<string, string>>
}

/** Takes a file in and submits its task; null: it was refused, and that was answered. */
async function receive(
  parts: EdgeParts,
  type: UploadType,
  reception: Reception,
): Promise<SubmitReply | null> {
  const { request, reply, queryFields, ...given } = reception
  // Refused before the file is read; the place itself is taken when the file is safe on disk.
  const refusal = parts.intake.refusal(accessOf(request).caller.name)
  if (refusal !== undefined) {
    parts.intake.tally.reject()
    sendRefusal(reply, refusal)
    return null
  }
  const { fields, file } = await readForm(request, parts, type.upload)
  if (file?.kind !== 'stored') {
    sendFileProblem(reply, file, type.upload)
    return null
  }

  const { upload } = file
  const submission = {
    ...PLAIN,
    ...given,
    type: type.type,
    input: { ...queryFields, ...fields },
    upload,
    trace: traceOf(request),
  }
  const said = await parts.intake.submit({ ...submission, caller: accessOf(request).caller.name })
  if (said.kind !== 'accepted') await parts.spool.remove(upload)
  return said
}

function sendInFlight(reply: FastifyReply): FastifyReply {
  const detail = 'Another request with this Idempotency-Key is still being received. Try again in 1 s.'
  return sendProblem(reply, 'idempotency-in-flight', { detail, retryAfter: 1 })
}

async function readForm(request: FastifyRequest, parts: EdgeParts, policy: UploadPolicy): Promise<Form> {
  const fields: Record<string, string> = {}
  let file: PutReply | undefined
  try {
    for await (const part of request.parts({ limits: { ...LIMITS, fileSize: policy.maxBytes + 1 } })) {
      if (part.fieldname.length > MAX_FIELD_NAME_CHARS) {
        throw new HeadgateError('malformed-upload', 'A field has a name that is too long.')
      }
      if (part.type === 'file') file = await storeFile(part, parts, policy)
      else fields[part.fieldname] = textOf(part)
      if (file !== undefined && file.kind !== 'stored') break
    }
  } catch (error) {
    if (file?.kind === 'stored') await parts.spool.remove(file.upload)
    throw isOurs(error)
      ? error
      : new HeadgateError('malformed-upload', 'The multipart body cannot be read.', { cause: error })
  }
  return { fields, file }
}

async function storeFile(part: MultipartFile, parts: EdgeParts, policy: UploadPolicy): Promise<PutReply> {
  if (part.fieldname !== 'file') {
    part.file.resume()
    throw new HeadgateError('malformed-upload', `The file's field is "${part.fieldname}", expected "file".`)
  }
  return parts.spool.put(part.file, {
    name: part.filename ?? '',
    accept: policy.accept,
    maxBytes: policy.maxBytes,
  })
}

function textOf(part: MultipartValue): string {
  if (part.valueTruncated)
    throw new HeadgateError('payload-too-large', `Field "${part.fieldname}" is too long.`)
  return String(part.value)
}

/** Errors that have a code of their own: ours, a plugin's limit with its status, the disk's. */
function isOurs(error: unknown): boolean {
  if (error instanceof HeadgateError) return true
  const { statusCode, syscall } = error as { statusCode?: number; syscall?: string }
  return statusCode !== undefined || syscall !== undefined
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
      const suggestion = policy.suggestion ?? `Send one of ${policy.accept.join(', ')}.`
      const detail = `The file is ${file.mediaType} by its content. ${suggestion}`
      const members = { error_type: 'unsupported_format', suggestions: [suggestion] }
      return sendProblem(reply, 'unsupported-media-type', { detail, members })
    }
  }
}
