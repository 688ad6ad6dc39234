import { TaskError } from '../../task/failure.ts'
import { readCaptions } from './text/captions.ts'
import type { SourceDocument } from './document.ts'
import { readHtml } from './html/html.ts'
import { NOTEBOOK, recogniseBytes } from '../../uploads/detect-media-type.ts'
import { ENCRYPTED_OFFICE } from '../../uploads/encrypted-office.ts'
import {
  DOCX,
  EPUB,
  MAIL,
  ODP,
  ODS,
  ODT,
  PICTURE_TYPES,
  PPTX,
  RTF,
  toReadType,
  XLSX,
  YOUTUBE_CAPTIONS,
} from './media-types.ts'
import { CONVERT_BY_TYPE } from '../refusals.ts'
import { readDocx } from './office/docx.ts'
import { readEpub } from './office/epub.ts'
import { readOdt } from './open-document/odt.ts'
import { readPptx } from './office/pptx.ts'
import { readXlsx } from './sheet/xlsx.ts'
import { readPdf } from './pdf/pdf.ts'
import { readPictures } from './pictures.ts'
import { readText } from './text/plain-text.ts'
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
  const read = READERS[toReadType(file.mediaType)]
  if (read === undefined) {
    const message = CONVERT_BY_TYPE[file.mediaType] ?? `${file.mediaType} cannot be read.`
    throw new TaskError('unsupported_format', message)
  }
  const document = await readNested(read, file, onPage)
  const hasText = document.sections.some(({ heading, paragraphs }) => {
    return paragraphs.some(({ text }) => /[\p{L}\p{N}]/u.test(text)) || isText(heading)
  })
  if (!hasText) throw new TaskError('no_text', 'The document holds no text.')
  return document
}

/** Walks of a document call themselves for what is inside of its elements: the stack of calls is their bound. */
async function readNested(read: Read, file: SourceFile, onPage: OnPage): Promise<SourceDocument> {
  try {
    return await read(file, onPage)
  } catch (error) {
    if (!(error instanceof RangeError && /call stack/i.test(error.message))) throw error
    const message = 'The file cannot be opened: its elements are inside each other too deeply.'
    throw new TaskError('input_rejected', message, { cause: error })
  }
}

/** A heading is text, but for the number of a slide without a title. */
function isText(heading: string | null): boolean {
  return heading !== null && /\p{L}/u.test(heading)
}

function readAsPictures({ bytes, recognition = null }: SourceFile): SourceDocument {
  return readPictures(bytes, recognition)
}

/** Only a file inside that is none of these again is read: a container has no reader. */
async function readEncrypted(file: SourceFile, onPage: OnPage): Promise<SourceDocument> {
  const { decryptOffice } = await import('./encrypted/encrypted-office.ts')
  const bytes = decryptOffice(file.bytes)
  return readDocument({ ...file, bytes, mediaType: await recogniseBytes(bytes) }, onPage)
}

type Read = (file: SourceFile, onPage: OnPage) => Promise<SourceDocument> | SourceDocument

/** Readers by the type of what they read; the less usual ones are loaded with the first file of their kind. */
const READERS: Readonly<Partial<Record<string, Read>>> = {
  'application/pdf': ({ bytes, recognition = null }, onPage) => readPdf(bytes, onPage, recognition),
  'text/html': ({ bytes, charset }) => readHtml(bytes, charset),
  'text/plain': ({ bytes, charset }) => readText(bytes, charset),
  'text/vtt': ({ bytes, charset }) => readText(bytes, charset),
  [DOCX]: ({ bytes }) => readDocx(bytes),
  [PPTX]: ({ bytes }) => readPptx(bytes),
  [XLSX]: ({ bytes }) => readXlsx(bytes),
  [ODT]: ({ bytes }) => readOdt(bytes),
  [ODS]: async ({ bytes }) => (await import('./sheet/ods.ts')).readOds(bytes),
  [ODP]: async ({ bytes }) => (await import('./open-document/odp.ts')).readOdp(bytes),
  [RTF]: async ({ bytes }) => (await import('./text/rtf.ts')).readRtf(bytes),
  [MAIL]: async ({ bytes }) => (await import('./mail/mail.ts')).readMail(bytes),
  [NOTEBOOK]: async ({ bytes }) => (await import('./text/notebook.ts')).readNotebook(bytes),
  [EPUB]: ({ bytes }) => readEpub(bytes),
  ...Object.fromEntries(PICTURE_TYPES.map((type) => [type, readAsPictures])),
  [YOUTUBE_CAPTIONS]: ({ bytes }) => readCaptions(bytes),
  [ENCRYPTED_OFFICE]: readEncrypted,
}
