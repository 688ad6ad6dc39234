import { TaskError } from '../../task/failure.ts'
import { readCaptions } from './captions.ts'
import type { SourceDocument } from './document.ts'
import { readHtml } from './html/html.ts'
import { ENCRYPTED_OFFICE } from '../../uploads/encrypted-office.ts'
import { DOCX, EPUB, isPicture, ODT, PPTX, toReadType, XLSX, YOUTUBE_CAPTIONS } from './media-types.ts'
import { readDocx } from './office/docx.ts'
import { readEpub } from './office/epub.ts'
import { readOdt } from './office/odt.ts'
import { readPptx } from './office/pptx.ts'
import { readXlsx } from './office/xlsx.ts'
import { readPdf } from './pdf/pdf.ts'
import { readPictures } from './pictures.ts'
import { readText } from './plain-text.ts'
import type { Recognition } from '../recognition/recognised-page.ts'

export interface SourceFile {
  readonly bytes: Uint8Array
  /** As recognised. */
  readonly mediaType: string
  /** The charset of the content type; null when there is none. */
  readonly charset: string | null
  /** How pages without text are read; absent or null: they are not. */
  readonly recognition?: Recognition | null
}

type OnPage = (page: number, pages: number) => void

/** Reads a file by its recognised type. */
export async function readDocument(file: SourceFile, onPage: OnPage): Promise<SourceDocument> {
  const document = await readAs(file, onPage)
  const hasText = document.sections.some(({ heading, paragraphs }) => {
    return paragraphs.some(({ text }) => /[\p{L}\p{N}]/u.test(text)) || isText(heading)
  })
  if (!hasText) throw new TaskError('no_text', 'The document holds no text.')
  return document
}

/** A heading is text, but for the number of a slide without a title. */
function isText(heading: string | null): boolean {
  return heading !== null && /\p{L}/u.test(heading)
}

function readAs(
  { bytes, mediaType, charset, recognition = null }: SourceFile,
  onPage: OnPage,
): Promise<SourceDocument> | SourceDocument {
  if (isPicture(mediaType)) return readPictures(bytes, recognition)
  switch (toReadType(mediaType)) {
    case 'application/pdf':
      return readPdf(bytes, onPage, recognition)
    case 'text/html':
      return readHtml(bytes, charset)
    case 'text/plain':
    case 'text/vtt':
      return readText(bytes, charset)
    case DOCX:
      return readDocx(bytes)
    case PPTX:
      return readPptx(bytes)
    case XLSX:
      return readXlsx(bytes)
    case ODT:
      return readOdt(bytes)
    case EPUB:
      return readEpub(bytes)
    case YOUTUBE_CAPTIONS:
      return readCaptions(bytes)
    case ENCRYPTED_OFFICE:
      throw new TaskError('encrypted_input', 'The file is protected by a password.')
    default:
      throw new TaskError('unsupported_format', `${mediaType} cannot be read.`)
  }
}
