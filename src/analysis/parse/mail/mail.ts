import PostalMime, { type Attachment, type Email } from 'postal-mime'
import { TaskError } from '../../../task/failure.ts'
import { SectionBuilder, type AboutDocument, type Section, type SourceDocument } from '../document.ts'
import { readHtml } from '../html/html.ts'
import { splitMailbox } from './mailbox.ts'
import { readText } from '../text/plain-text.ts'

const BYTES_PER_KB = 1024
const MAX_HEAD_BYTES = 64 * 1024
const BOUNDARY = /^content-type:[^\n]{0,500}\n?[^\n]{0,500}\bboundary="?([^"\s;]{1,200})/im

/** A mail whose text only its receiver can read: PGP (RFC 3156), S/MIME (RFC 8551). */
const ENCRYPTED = /^(?:multipart\/encrypted|application\/(?:x-)?pkcs7-mime\b(?!.{0,500}signed-data))/is

/**
 * Reads a mail (RFC 5322), a page that a browser saved as one (mhtml), or the mails of a mailbox (mbox): their text; what is
 * attached is listed, not read.
 *
 * @throws TaskError `encrypted_input` where every mail is encrypted.
 */
export async function readMail(bytes: Uint8Array): Promise<SourceDocument> {
  const { mails, count } = splitMailbox(bytes)
  const read: SourceDocument[] = []
  for (const mail of mails) {
    const parsed = await PostalMime.parse(mail)
    if (!isEncrypted(parsed)) read.push(toDocument(parsed, mail))
  }
  const [first] = read
  if (first === undefined) throw new TaskError('encrypted_input', 'The mail is encrypted.')
  if (count === 1) return first
  const encrypted = mails.length - read.length
  const warnings = [
    ...(count > mails.length ? [`The mailbox has ${count} mails; the first ${mails.length} were read.`] : []),
    ...(encrypted > 0 ? [`Mails of the mailbox that are encrypted were left out: ${encrypted}.`] : []),
    ...read.flatMap((document) => document.warnings),
  ]
  return { title: null, sections: read.flatMap(toSections), pages: null, warnings: [...new Set(warnings)] }
}

/** The subject is the heading of what has none. */
function toSections({ title, sections }: SourceDocument): Section[] {
  const [first] = sections
  if (first === undefined || first.heading !== null) return [{ heading: title, paragraphs: [] }, ...sections]
  return [{ ...first, heading: title }, ...sections.slice(1)]
}

function isEncrypted({ headers, text, html }: Email): boolean {
  const type = headers.find(({ key }) => key === 'content-type')?.value ?? ''
  return ENCRYPTED.test(type.trim()) && (text ?? html ?? '').trim() === ''
}

function toDocument(mail: Email, bytes: Uint8Array): SourceDocument {
  const body = readBody(mail)
  const attached = mail.attachments.filter(({ disposition }) => disposition === 'attachment')
  const builder = new SectionBuilder()
  if (attached.length > 0) builder.paragraph(listNames(attached), { kind: 'fact' })
  const warnings =
    attached.length > 0
      ? [`Attached files that were not read: ${attached.length}. Send them by themselves.`]
      : []
  return {
    ...body,
    title: mail.subject?.trim() || body.title,
    sections: [...body.sections, ...builder.build()],
    warnings: [...body.warnings, ...warnings, ...describeEnd(bytes)],
    about: { ...body.about, ...aboutMail(mail) },
  }
}

/** The plain text where a mail has it; a saved page has none. */
function readBody({ text, html }: Email): SourceDocument {
  const encode = (content: string) => new TextEncoder().encode(content)
  if (text !== undefined && text.trim() !== '') return readText(encode(text), 'utf-8')
  return readHtml(encode(html ?? ''), 'utf-8')
}

function aboutMail({ from, date }: Email): AboutDocument {
  const author = [from?.name, from?.address].find((name) => name !== undefined && name !== '')
  return { ...(author === undefined ? {} : { author }), ...(date === undefined ? {} : { published: date }) }
}

function listNames(attachments: readonly Attachment[]): string {
  const names = attachments.map(({ filename, mimeType, content }) => {
    const bytes = typeof content === 'string' ? content.length : content.byteLength
    return `${filename ?? mimeType} (${Math.ceil(bytes / BYTES_PER_KB)} kB)`
  })
  return `Attached: ${names.join(', ')}.`
}

/** A warning where the last boundary of a mail in parts is missing (RFC 2046, 5.1.1). */
function describeEnd(bytes: Uint8Array): string[] {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const head =
    file
      .subarray(0, MAX_HEAD_BYTES)
      .toString('latin1')
      .split(/\r?\n\r?\n/, 1)[0] ?? ''
  const boundary = BOUNDARY.exec(head)?.[1]
  if (boundary === undefined || file.includes(`--${boundary}--`, 0, 'latin1')) return []
  return ['The mail ends in the middle: a part of it is missing.']
}
