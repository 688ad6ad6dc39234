import { TaskError } from '../../task/failure.ts'
import type { SourceDocument } from './document.ts'
import { readHtml } from './html.ts'
import { readPdf } from './pdf.ts'
import { readText } from './text.ts'

/** Reads a file by its recognised type. */
export async function readDocument(
  bytes: Uint8Array,
  mediaType: string,
  told: (page: number, pages: number) => void,
): Promise<SourceDocument> {
  const document = await readAs(bytes, mediaType, told)
  if (document.sections.length === 0) throw new TaskError('no_text', 'The document holds no text.')
  return document
}

function readAs(
  bytes: Uint8Array,
  mediaType: string,
  told: (page: number, pages: number) => void,
): Promise<SourceDocument> | SourceDocument {
  switch (mediaType) {
    case 'application/pdf':
      return readPdf(bytes, told)
    case 'text/html':
      return readHtml(bytes)
    case 'text/plain':
      return readText(bytes)
    default:
      throw new TaskError('unsupported_format', `${mediaType} cannot be read.`)
  }
}
