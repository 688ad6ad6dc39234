import type { FastifyRequest } from 'fastify'
import type { MultipartFile, MultipartValue } from '@fastify/multipart'
import type { UploadPolicy } from '../../../handler/define-task.ts'
import type { PutReply, UploadStore } from '../../../uploads/upload-store.ts'
import { HeadgateError } from '../../../task/errors.ts'

const LIMITS = { files: 1, fields: 20, fieldSize: 64 * 1024, parts: 21 }
const MAX_FIELD_NAME_CHARS = 100
/** All that a form may hold beside its file: fields, their names and headers. */
const MAX_FORM_BYTES = LIMITS.parts * (LIMITS.fieldSize + 1024)

export interface Form {
  /** Without those that were left blank, as browsers send every field of a form. */
  readonly fields: Readonly<Record<string, string>>
  readonly file: PutReply | undefined
}

/** Reads multipart/form-data (RFC 7578) with one `file`, which goes to the upload store. */
export async function readForm(
  request: FastifyRequest,
  uploadStore: UploadStore,
  policy: UploadPolicy,
): Promise<Form> {
  // Such a file is too large before any of it has come.
  if (Number(request.headers['content-length'] ?? 0) > policy.maxBytes + MAX_FORM_BYTES) {
    return { fields: {}, file: { kind: 'too-large', maxBytes: policy.maxBytes } }
  }
  const fields: Record<string, string> = {}
  let file: PutReply | undefined
  try {
    for await (const part of request.parts({ limits: { ...LIMITS, fileSize: policy.maxBytes + 1 } })) {
      if (part.fieldname.length > MAX_FIELD_NAME_CHARS) {
        throw new HeadgateError('malformed-upload', 'A field has a name that is too long.')
      }
      if (part.type === 'file') file = await storeFile(part, uploadStore, policy)
      else readField(part, fields)
      if (file !== undefined && file.kind !== 'stored') break
    }
  } catch (error) {
    if (file?.kind === 'stored') await uploadStore.remove(file.upload)
    throw isOurs(error)
      ? error
      : new HeadgateError('malformed-upload', 'The multipart body cannot be read.', { cause: error })
  }
  return { fields, file }
}

async function storeFile(
  part: MultipartFile,
  uploadStore: UploadStore,
  policy: UploadPolicy,
): Promise<PutReply> {
  if (part.fieldname !== 'file') {
    part.file.resume()
    throw new HeadgateError('malformed-upload', `The file's field is "${part.fieldname}", expected "file".`)
  }
  const { accept, maxBytes } = policy
  return uploadStore.put(part.file, { name: unescape(part.filename ?? ''), accept, maxBytes })
}

function readField(part: MultipartValue, fields: Record<string, string>): void {
  const name = unescape(part.fieldname)
  if (part.valueTruncated) throw new HeadgateError('payload-too-large', `Field "${name}" is too long.`)
  if (name === 'file') {
    const detail = 'The part "file" has no file name, so it is no file (with curl: -F file=@report.pdf).'
    throw new HeadgateError('malformed-upload', detail)
  }
  const value = String(part.value)
  if (value === '') return
  if (Object.hasOwn(fields, name))
    throw new HeadgateError('malformed-upload', `Field "${name}" is there twice.`)
  fields[name] = value
}

const ESCAPES: Readonly<Record<string, string>> = { '%22': '"', '%0D': '\r', '%0A': '\n' }

/** Browsers escape just these three characters in names (HTML, multipart/form-data encoding algorithm). */
function unescape(name: string): string {
  return name.replace(/%(?:22|0D|0A)/gi, (escape) => ESCAPES[escape.toUpperCase()] ?? escape)
}

/** Errors that have a code of their own: ours, a plugin's limit with its status, the disk's. */
function isOurs(error: unknown): boolean {
  if (error instanceof HeadgateError) return true
  const { statusCode, syscall } = error as { statusCode?: number; syscall?: string }
  return statusCode !== undefined || syscall !== undefined
}
