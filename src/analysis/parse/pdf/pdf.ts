import { fileURLToPath } from 'node:url'
import { getDocumentProxy } from 'unpdf'
import { TaskError } from '../../../task/failure.ts'
import type { SourceDocument } from '../document.ts'
import { layOut } from './layout.ts'
import { splitLines, type PdfItem, type PdfLine } from './lines.ts'

/** Adobe's character maps of Chinese, Japanese and Korean fonts, which a file may leave to its reader. */
const CMAPS = fileURLToPath(new URL('../../../../assets/cmaps/', import.meta.url))
const OPTIONS = { cMapUrl: CMAPS, cMapPacked: true, verbosity: 0 }

const PAGES_AHEAD = 4
/** A page with fewer characters has no text worth the name. */
const MIN_CHARS_PER_PAGE = 10

/**
 * Reads a PDF page by page.
 *
 * @throws TaskError `encrypted_input`, `no_text` for a scan, `input_rejected` for a damaged file.
 */
export async function readPdf(
  bytes: Uint8Array,
  onPage: (page: number, pages: number) => void,
): Promise<SourceDocument> {
  const pdf = await getDocumentProxy(bytes, OPTIONS).catch((error: unknown) => {
    throw openError(error)
  })
  const lines: PdfLine[] = []
  const warnings: string[] = []
  let emptyPages = 0
  for await (const { number, items } of countPages(pdf)) {
    if (items === null) warnings.push(`Page ${number} could not be read.`)
    const chars = items?.reduce((sum, item) => sum + item.text.trim().length, 0) ?? 0
    if (chars < MIN_CHARS_PER_PAGE) emptyPages += 1
    for (const line of splitLines(items ?? [], number)) lines.push(line)
    onPage(number, pdf.numPages)
  }
  if (emptyPages === pdf.numPages)
    throw new TaskError('no_text', 'The PDF has no text layer: its pages are pictures.')
  if (emptyPages > 0) warnings.push(`${emptyPages} of ${pdf.numPages} pages have no text.`)
  return { ...layOut(lines, pdf.numPages), pages: pdf.numPages, warnings }
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
  page.cleanup()
  return items.flatMap((item) => {
    if (!('str' in item) || item.str === '') return []
    const [scaleX = 0, skew = 0, , , x = 0, y = 0] = item.transform as number[]
    const size = Math.hypot(scaleX, skew)
    return [{ text: item.str, x, y, width: item.width, size, font: item.fontName }]
  })
}

function openError(error: unknown): TaskError {
  const name = (error as { name?: string } | null)?.name
  if (name === 'PasswordException')
    return new TaskError('encrypted_input', 'The PDF is protected by a password.')
  return new TaskError('input_rejected', 'The PDF is damaged and cannot be opened.', { cause: error })
}
