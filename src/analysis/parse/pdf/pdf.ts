import { fileURLToPath } from 'node:url'
import { getDocumentProxy } from 'unpdf'
import { TaskError } from '../../../task/failure.ts'
import { UnreadPages, type Recognition, type UnreadPage } from '../../recognition/recognised-page.ts'
import type { SourceDocument } from '../document.ts'
import { namePages, RecognisedText } from '../recognised-text.ts'
import { layOut } from './layout.ts'
import { splitLines, type PdfItem, type PdfLine } from './lines.ts'

/** Adobe's character maps of Chinese, Japanese and Korean fonts, which a file may leave to its reader. */
const CMAPS = fileURLToPath(new URL('../../../../assets/cmaps/', import.meta.url))
const OPTIONS = { cMapUrl: CMAPS, cMapPacked: true, verbosity: 0 }

const PAGES_AHEAD = 4
/** Fields of a form that hold what was filled in, and boxes of text that were put on a page. */
const TYPED = new Set(['Widget', 'FreeText'])
const FIELD_SIZE = 10

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
  const pdf = await getDocumentProxy(bytes, OPTIONS).catch((error: unknown) => {
    throw openError(error)
  })
  const recognised = new RecognisedText(recognition)
  const lines: PdfLine[] = []
  const warnings: string[] = []
  const unread: UnreadPage[] = []
  const garbledPages: number[] = []
  let emptyPages = 0
  for await (const { number, items } of countPages(pdf)) {
    const chars = items?.reduce((sum, item) => sum + item.text.trim().length, 0) ?? 0
    const isUnreadable = isGarbled(items ?? [])
    const reason =
      recognition === null ? null : findReason({ isForced: recognition.isForced, chars, isUnreadable })
    if (reason !== null && !recognised.has(number)) unread.push({ page: number, reason })
    const minChars = reason === 'sparse' ? chars * MORE_CHARS : 1
    const pictured = reason === null ? null : recognised.takeLines(number, minChars)
    for (const line of pictured ?? splitLines(items ?? [], number)) lines.push(line)
    if (pictured === null) {
      if (items === null) warnings.push(`Page ${number} could not be read.`)
      if (chars === 0) emptyPages += 1
      if (isUnreadable) garbledPages.push(number)
    }
    onPage(number, pdf.numPages)
  }
  if (unread.length > 0) throw new UnreadPages(unread)
  if (emptyPages === pdf.numPages) throw noTextError(recognition)
  if (garbledPages.length > 0) warnings.push(garbledWarning(garbledPages))
  if (emptyPages > 0) warnings.push(`${emptyPages} of ${pdf.numPages} pages have no text.`)
  const { about, warnings: said } = recognised
  return { ...layOut(lines, pdf.numPages), pages: pdf.numPages, warnings: [...warnings, ...said], about }
}

interface PageText {
  readonly isForced: boolean
  readonly chars: number
  readonly isUnreadable: boolean
}

/** Why a page is recognised; null: its own text is read. */
function findReason({ isForced, chars, isUnreadable }: PageText): UnreadPage['reason'] | null {
  if (isForced) return 'forced'
  if (chars === 0) return 'empty'
  if (isUnreadable) return 'garbled'
  return chars < SPARSE_CHARS ? 'sparse' : null
}

function noTextError(recognition: Recognition | null): TaskError {
  return recognition === null
    ? new TaskError('ocr_unavailable', 'The PDF has no text layer: its pages are pictures.')
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

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>

interface ReadPage {
  /** 1 for the first. */
  readonly number: number
  /** null when the page could not be read. */
  readonly items: readonly PdfItem[] | null
}

/** The pages in order. A few are asked for ahead: the library waits a little within each. */
async function* countPages(pdf: Pdf): AsyncGenerator<ReadPage> {
  const ahead: Promise<ReadPage>[] = []
  let next = 1
  for (let number = 1; number <= pdf.numPages; number += 1) {
    for (; next <= pdf.numPages && next < number + PAGES_AHEAD; next += 1) ahead.push(readPage(pdf, next))
    yield (await ahead.shift()) as ReadPage
  }
}

function readPage(pdf: Pdf, number: number): Promise<ReadPage> {
  return listItems(pdf, number).then(
    (items) => ({ number, items }),
    () => ({ number, items: null }),
  )
}

async function listItems(pdf: Pdf, number: number): Promise<PdfItem[]> {
  const page = await pdf.getPage(number)
  const { items } = await page.getTextContent()
  const annotations = (await page.getAnnotations()) as Annotation[]
  page.cleanup()
  const drawn = items.flatMap((item) => {
    if (!('str' in item) || item.str === '') return []
    const [scaleX = 0, skew = 0, , , x = 0, y = 0] = item.transform as number[]
    const size = Math.hypot(scaleX, skew)
    return [{ text: item.str, x, y, width: item.width, size, font: item.fontName }]
  })
  return withFields(drawn, annotations)
}

/** The part of an annotation that is read here. */
interface Annotation {
  readonly subtype: string
  /** Left, bottom, right and top. */
  readonly rect: readonly number[]
  readonly fieldValue?: unknown
  readonly fieldType?: string
  readonly checkBox?: boolean
  readonly radioButton?: boolean
  readonly hidden?: boolean
  readonly contentsObj?: { readonly str: string }
}

/** Puts what was typed into a form behind what is drawn before it on its line, as its label mostly is. */
function withFields(drawn: readonly PdfItem[], annotations: readonly Annotation[]): PdfItem[] {
  const all = [...drawn]
  const known = new Set(drawn.map(({ text }) => text.trim()))
  for (const annotation of annotations) {
    const text = TYPED.has(annotation.subtype) && annotation.hidden !== true ? typedText(annotation) : ''
    // What a field shows may be drawn on the page as well.
    if (text === '' || known.has(text)) continue
    const [x = 0, bottom = 0, right = 0, top = 0] = annotation.rect
    const height = Math.abs(top - bottom)
    const size = Math.min(height, FIELD_SIZE)
    const y = height > 2 * FIELD_SIZE ? Math.max(top, bottom) - size : Math.min(top, bottom)
    const label = all.findLastIndex((item) => Math.abs(item.y - y) < FIELD_SIZE && item.x <= x)
    const before = all[label]
    const item = {
      text,
      x,
      y: before?.y ?? y,
      width: Math.abs(right - x),
      size: before?.size ?? size,
      font: before?.font ?? '',
    }
    all.splice(label < 0 ? all.length : label + 1, 0, item)
  }
  return all
}

function typedText({ fieldValue, fieldType, checkBox, radioButton, contentsObj }: Annotation): string {
  // A box that is checked has the name of its state.
  if (checkBox === true || radioButton === true || fieldType === 'Sig') return ''
  const value = Array.isArray(fieldValue) ? fieldValue.join(', ') : fieldValue
  const text = typeof value === 'string' ? value : (contentsObj?.str ?? '')
  return text.replace(/\s+/g, ' ').trim()
}

function openError(error: unknown): TaskError {
  const name = (error as { name?: string } | null)?.name
  if (name === 'PasswordException')
    return new TaskError('encrypted_input', 'The PDF is protected by a password.')
  return new TaskError('input_rejected', 'The PDF is damaged and cannot be opened.', { cause: error })
}
