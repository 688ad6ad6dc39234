import PostalMime, { type Attachment, type Email } from 'postal-mime'
import { SectionBuilder, type AboutDocument, type SourceDocument } from '../document.ts'
import { readHtml } from '../html/html.ts'
import { readText } from './plain-text.ts'

const BYTES_PER_KB = 1024
const MAX_HEAD_BYTES = 64 * 1024
const BOUNDARY = /^content-type:[^\n]{0,500}\n?[^\n]{0,500}\bboundary="?([^"\s;]{1,200})/im

/** Reads a mail (RFC 5322), or a page that a browser saved as one (mhtml): its text; what is attached is listed, not read. */
export async function readMail(bytes: Uint8Array): Promise<SourceDocument> {
  const mail = await PostalMime.parse(bytes)
  const body = readBody(mail)
  const attached = mail.attachments.filter(({ disposition }) => disposition === 'attachment')
  const builder = new SectionBuilder()
  if (attached.length > 0) builder.paragraph(listNames(attached), { kind: 'fact' })
  const warnings =
    attached.length > 0 ? [`${attached.length} attached files were not read: send them by themselves.`] : []
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
