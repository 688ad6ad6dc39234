import { setImmediate } from 'node:timers/promises'
import { TaskError } from '../../../task/failure.ts'
import { UnreadPages, type Recognition, type UnreadPage } from '../../recognition/recognised-page.ts'
import type { SourceDocument } from '../document.ts'
import { namePages, RecognisedText } from '../recognised-text.ts'
import { layOut } from './layout.ts'
import { dropLibrary, isTrap } from './library.ts'
import { splitLines, type PdfItem, type PdfLine } from './lines.ts'
import { PdfiumDocument } from './pdfium.ts'

/** A page with fewer characters may be a picture with a stamp or a number on it. */
const SPARSE_CHARS = 40
/** Recognition of such a page counts when it finds this many times its characters. */
const MORE_CHARS = 3

/**
 * Reads a PDF page by page.
 *
 * @throws TaskError `encrypted_input`, `input_rejected` for a damaged file, `ocr_unavailable` for a scan without
 *   recognition; UnreadPages where pages are to be recognised first.
 */
export async function readPdf(
  bytes: Uint8Array,
  onPage: (page: number, pages: number) => void,
  recognition: Recognition | null = null,
): Promise<SourceDocument> {
  const recognised = new RecognisedText(recognition)
  const lines: PdfLine[] = []
  const warnings: string[] = []
  const unread: UnreadPage[] = []
  const garbledPages: number[] = []
  let emptyPages = 0
  let blankPages = 0
  let pages = 0
  let read = 0
  for await (const { number, items, count, isBlank } of readPages(bytes)) {
    pages = count
    read = number
    const chars = items?.reduce((sum, item) => sum + item.text.trim().length, 0) ?? 0
    const isUnreadable = isGarbled(items ?? [])
    const reason = isBlank ? null : findReason(recognition, { chars, isUnreadable })
    if (reason !== null && !recognised.has(number)) unread.push({ page: number, reason })
    const minChars = reason === 'sparse' ? chars * MORE_CHARS : 1
    const pictured = reason === null ? null : recognised.takeLines(number, minChars)
    for (const line of pictured ?? splitLines(items ?? [], number)) lines.push(line)
    if (isBlank) blankPages += 1
    if (pictured === null) {
      if (items === null) warnings.push(`Page ${number} could not be read.`)
      if (chars === 0) emptyPages += 1
      if (isUnreadable) garbledPages.push(number)
    }
    onPage(number, pages)
  }
  emptyPages += pages - read
  if (unread.length > 0) throw new UnreadPages(unread)
  if (blankPages === pages) throw new TaskError('no_text', 'The PDF has no text: its pages are empty.')
  if (emptyPages === pages) throw noTextError(recognition, recognised.broken)
  const { about, warnings: said, broken: brokenPages } = recognised
  warnings.push(...toWarnings({ read, pages, emptyPages, garbledPages, brokenPages }))
  return { ...layOut(lines, pages), pages, warnings: [...warnings, ...said], about }
}

interface PageCounts {
  /** Pages that were tried. */
  readonly read: number
  readonly pages: number
  readonly emptyPages: number
  readonly garbledPages: readonly number[]
  /** Pages that could not be drawn. */
  readonly brokenPages: readonly number[]
}

function toWarnings({ read, pages, emptyPages, garbledPages, brokenPages }: PageCounts): string[] {
  return [
    ...(read < pages ? [`Pages ${read + 1} to ${pages} could not be read.`] : []),
    ...(garbledPages.length > 0 ? [garbledWarning(garbledPages)] : []),
    ...(brokenPages.length > 0 ? [`The pictures of ${namePages(brokenPages)} cannot be drawn.`] : []),
    ...(emptyPages > 0 ? [`${emptyPages} of ${pages} pages have no text.`] : []),
  ]
}

interface PageText {
  readonly chars: number
  readonly isUnreadable: boolean
}

/** Why a page is recognised; null: its own text is read. */
function findReason(
  recognition: Recognition | null,
  { chars, isUnreadable }: PageText,
): UnreadPage['reason'] | null {
  if (recognition === null) return null
  if (recognition.isForced) return 'forced'
  if (chars === 0) return 'empty'
  if (isUnreadable) return 'garbled'
  return chars < SPARSE_CHARS ? 'sparse' : null
}

function noTextError(recognition: Recognition | null, brokenPages: readonly number[]): TaskError {
  if (brokenPages.length > 0) {
    const message = `The PDF has no text, and ${namePages(brokenPages)} cannot be drawn: it is damaged.`
    return new TaskError('input_rejected', message)
  }
  return recognition === null
    ? new TaskError('ocr_unavailable', 'The PDF has no text layer: its pages are pictures or drawings.')
    : new TaskError('no_text', 'The PDF has no text, nor do its pages show any.')
}

/** A font that does not tell its characters gives controls, private and unassigned ones. */
const UNREADABLE = /[\p{Cc}\p{Co}\p{Cn}\ufffd]/gu
const MAX_UNREADABLE_SHARE = 0.05

function isGarbled(items: readonly PdfItem[]): boolean {
  const text = items.map((item) => item.text.replace(/\s/g, '')).join('')
  return (text.match(UNREADABLE)?.length ?? 0) > text.length * MAX_UNREADABLE_SHARE
}

function garbledWarning(pages: readonly number[]): string {
  return `The font of ${namePages(pages)} does not tell its characters: their text is garbled.`
}

interface ReadPage {
  /** 1 for the first. */
  readonly number: number
  /** Pages of the document. */
  readonly count: number
  /** null when the page could not be read. */
  readonly items: readonly PdfItem[] | null
  /** Whether nothing is drawn on it. */
  readonly isBlank: boolean
}

/** A file may claim a million pages that it does not have: after this many that cannot be opened the others are not tried. */
const MAX_MISSING = 100

/** The pages in order. After one that makes PDFium fail, the others are read by a new instance. */
async function* readPages(bytes: Uint8Array): AsyncGenerator<ReadPage> {
  let document: PdfiumDocument | null = await openDocument(bytes)
  const count = document.pageCount
  try {
    if (count === 0) throw new TaskError('input_rejected', 'The PDF is damaged: it has no pages.')
    let missing = 0
    for (let number = 1; number <= count && missing < MAX_MISSING; number += 1) {
      let page: ReturnType<PdfiumDocument['readPage']> = null
      try {
        page = document.readPage(number)
      } catch (error) {
        if (!isTrap(error)) throw error
        document = null
        dropLibrary()
        document = await openDocument(bytes)
      }
      missing = page === null ? missing + 1 : 0
      yield { number, count, items: page?.items ?? null, isBlank: page?.isBlank ?? false }
      // Messages are sent, and the parent may be gone.
      await setImmediate()
    }
  } finally {
    document?.close()
  }
}

async function openDocument(bytes: Uint8Array): Promise<PdfiumDocument> {
  try {
    return await PdfiumDocument.open(bytes)
  } catch (error) {
    if (!isTrap(error)) throw error
    dropLibrary()
    throw new TaskError('input_rejected', 'The PDF is damaged and cannot be opened.', { cause: error })
  }
}
