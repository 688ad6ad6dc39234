import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getDocumentProxy } from 'unpdf'
import { TaskError } from '../../../task/failure.ts'
import type { SourceDocument } from '../document.ts'
import { layOut } from './layout.ts'
import { linesOf, type PdfItem, type PdfLine } from './lines.ts'

/** What the characters of Chinese, Japanese and Korean fonts are, where a file leaves that to its reader. */
const CMAPS = join(dirname(fileURLToPath(import.meta.resolve('pdfjs-dist/package.json'))), 'cmaps/')
const OPTIONS = { cMapUrl: CMAPS, cMapPacked: true, verbosity: 0 }

/** A page with fewer characters has no text worth the name. */
const MIN_CHARS_PER_PAGE = 10

/**
 * Reads a PDF page by page.
 *
 * @throws TaskError `encrypted_input`, `no_text` for a scan, `input_rejected` for a damaged file.
 */
export async function readPdf(
  bytes: Uint8Array,
  told: (page: number, pages: number) => void,
): Promise<SourceDocument> {
  const pdf = await getDocumentProxy(bytes, OPTIONS).catch((error: unknown) => {
    throw openError(error)
  })
  const lines: PdfLine[] = []
  const warnings: string[] = []
  let emptyPages = 0
  for (let number = 1; number <= pdf.numPages; number += 1) {
    const items = await itemsOf(pdf, number).catch(() => {
      warnings.push(`Page ${number} could not be read.`)
      return []
    })
    if (items.reduce((sum, item) => sum + item.text.trim().length, 0) < MIN_CHARS_PER_PAGE) emptyPages += 1
    lines.push(...linesOf(items, number))
    told(number, pdf.numPages)
  }
  if (emptyPages === pdf.numPages)
    throw new TaskError('no_text', 'The PDF has no text layer: its pages are pictures.')
  if (emptyPages > 0) warnings.push(`${emptyPages} of ${pdf.numPages} pages have no text.`)
  return { ...layOut(lines, pdf.numPages), pages: pdf.numPages, warnings }
}

async function itemsOf(
  pdf: Awaited<ReturnType<typeof getDocumentProxy>>,
  number: number,
): Promise<PdfItem[]> {
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
