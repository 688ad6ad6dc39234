import { joinLines, SectionBuilder, type Section } from '../document.ts'
import { DividedWords } from './divided-words.ts'
import type { PdfLine } from './lines.ts'

/** A heading is this much larger than the running text, or of another font. */
const LARGER = 1.08
const MAX_HEADING_CHARS = 90
/** Lines farther apart than this many sizes are two paragraphs. */
const PARAGRAPH_GAP = 1.7
/** An indent of at least this many sizes begins a paragraph. */
const INDENT = 0.8
/** A line that appears on this share of the pages is a header or a footer. */
const REPEATED_SHARE = 0.3
const MIN_REPEATS = 3
const MARGIN_LINES = 2
/** Lines of one row differ in height by less than this share of their size. */
const SAME_ROW = 0.5
const PAGE_NUMBER =
  /^[^\p{L}\p{N}]*(page\s+)?(\d{1,4}(\s*(of|\/)\s*\d{1,4})?|第\s*\d{1,4}\s*[页頁])[^\p{L}\p{N}]*$/iu
const NUMBERED = /^(\d{1,2}(\.\d{1,2}){0,3}\.?|[A-Z]\.|[IVX]{1,5}\.)\s+\p{Lu}/u
const LIST_MARK = /^[•◦▪–∗*-]\s+/
const SENTENCE_END = /[.!?。！？:：]["”’)\]]*$/

export interface PdfText {
  readonly title: string | null
  readonly sections: readonly Section[]
}

/** Makes paragraphs and sections of lines: running headers left out, hyphenated words joined. */
export function layOut(lines: readonly PdfLine[], pageCount: number): PdfText {
  const body = toBody(lines)
  const repeated = findRepeated(lines, pageCount)
  const apparatus = findApparatus(lines, repeated)
  const kept = new Set(lines.filter((line) => !apparatus.has(line)).map(({ page }) => page))
  const title = findTitle(lines, body.size)
  const words = new DividedWords(lines.map(({ text }) => text))
  const builder = new SectionBuilder()
  let open: PdfLine[] = []
  const flush = () => {
    const [first] = open
    if (first === undefined) return
    const text = words.join(open.map((line) => line.text))
    const kind = LIST_MARK.test(text) ? 'item' : 'prose'
    builder.paragraph(text.replace(LIST_MARK, ''), { page: first.page, kind })
    open = []
  }

  for (const line of lines) {
    if ((apparatus.has(line) && kept.has(line.page)) || title?.lines.has(line)) continue
    if (isHeading(line, body)) {
      flush()
      builder.heading(line.text)
    } else {
      const last = open.at(-1)
      if (last !== undefined && !continues(last, line)) flush()
      open.push(line)
    }
  }
  flush()
  return { title: title?.text ?? null, sections: builder.build() }
}

interface Body {
  readonly size: number
  readonly font: string
}

/** Size and font of the running text: those that most characters have. */
function toBody(lines: readonly PdfLine[]): Body {
  const chars = new Map<string, { body: Body; count: number }>()
  for (const { size, font, text } of lines) {
    const key = `${size.toFixed(1)} ${font}`
    const entry = chars.get(key) ?? { body: { size, font }, count: 0 }
    chars.set(key, { ...entry, count: entry.count + text.length })
  }
  const entries = [...chars.values()]
  const best = entries.reduce((most, next) => (next.count > most.count ? next : most), entries[0] ?? NO_TEXT)
  return best.body
}
const NO_TEXT = { body: { size: 0, font: '' }, count: 0 }

/** What an archive prints in large type on the first page: where a paper is to be found. */
const STAMP = /^(?:arXiv:\d|doi:|(?:source: )?https?:\/\/)/i

/** The largest adjacent lines of the first page. */
function findTitle(lines: readonly PdfLine[], bodySize: number) {
  const first = lines.filter((line) => line.page === 1 && !STAMP.test(line.text))
  const largest = Math.max(...first.map((line) => line.size), 0)
  if (largest < bodySize * LARGER) return null
  const start = first.findIndex((line) => line.size === largest && /\p{L}{2}/u.test(line.text))
  const end = first.findIndex((line, index) => index > start && line.size !== largest)
  const found = start < 0 ? [] : first.slice(start, end < 0 ? undefined : end)
  const text = joinLines(found.map((line) => line.text))
  return text.length < 4 || text.length > 300 ? null : { text, lines: new Set(found) }
}

function isHeading(line: PdfLine, body: Body): boolean {
  const { text, size, font } = line
  if (STAMP.test(text)) return false
  if (text.length > MAX_HEADING_CHARS || !/\p{L}{3}/u.test(text) || /[.,;:，。；]$/.test(text)) return false
  if (size >= body.size * LARGER) return true
  return font !== body.font && size >= body.size * 0.95 && NUMBERED.test(text)
}

function continues(last: PdfLine, line: PdfLine): boolean {
  const isNextColumn = line.page !== last.page || line.y > last.y + last.size
  if (LIST_MARK.test(line.text) || Math.abs(line.size - last.size) > last.size * 0.2) return false
  if (isNextColumn) return !SENTENCE_END.test(last.text)
  const isFar = last.y - line.y > Math.max(last.size, line.size) * PARAGRAPH_GAP
  const isIndented = line.x - last.x > line.size * INDENT && SENTENCE_END.test(last.text)
  return !isFar && !isIndented
}

/** Lines at the margin that repeat on many pages, their numbers aside. */
function findRepeated(lines: readonly PdfLine[], pageCount: number): ReadonlySet<string> {
  const pages = new Map<string, Set<number>>()
  for (const line of findMarginLines(lines)) {
    const key = keyOf(line)
    pages.set(key, (pages.get(key) ?? new Set()).add(line.page))
  }
  const least = Math.max(MIN_REPEATS, pageCount * REPEATED_SHARE)
  return new Set([...pages].filter(([, found]) => found.size >= least).map(([key]) => key))
}

/** The two highest and the two lowest lines of every page; a numbered heading is no header. */
function findMarginLines(lines: readonly PdfLine[]): PdfLine[] {
  const byPage = Map.groupBy(lines, (line) => line.page)
  return [...byPage.values()].flatMap((page) => {
    const byHeight = page.filter((line) => !NUMBERED.test(line.text)).sort((a, b) => b.y - a.y)
    return [...byHeight.slice(0, MARGIN_LINES), ...byHeight.slice(-MARGIN_LINES)]
  })
}

/** Lines that are no text of their own: headers, footers and the numbers of pages. */
function findApparatus(lines: readonly PdfLine[], repeated: ReadonlySet<string>): ReadonlySet<PdfLine> {
  const found = new Set(lines.filter((line) => repeated.has(keyOf(line))))
  const rows = [...Map.groupBy(lines, (line) => line.page).values()].flatMap((page) =>
    findOutermostRows(page.filter((line) => !found.has(line))),
  )
  const beside: PdfLine[] = []
  for (const row of rows) {
    const numbers = row.filter(isPageNumber)
    if (row.length > 1) beside.push(...numbers)
    else for (const line of numbers) found.add(line)
  }
  // Beside other text only a number that goes up with the pages is one: others are the last row of a table.
  const byOffset = Map.groupBy(beside, ({ text, page }) => Number(/\d+/.exec(text)?.[0]) - page)
  for (const numbers of byOffset.values()) {
    if (numbers.length >= MIN_REPEATS) for (const line of numbers) found.add(line)
  }
  return found
}

/** The highest and the lowest row of a page. */
function findOutermostRows(page: readonly PdfLine[]): PdfLine[][] {
  const heights = page.map(({ y }) => y)
  const ends = [...new Set([Math.max(...heights), Math.min(...heights)])]
  return ends.map((y) => page.filter((line) => Math.abs(line.y - y) < line.size * SAME_ROW))
}

function keyOf(line: PdfLine): string {
  return `${line.text.replace(/\d+/g, '#')} ${Math.round(line.y / 10)}`
}

function isPageNumber({ text }: PdfLine): boolean {
  return PAGE_NUMBER.test(text)
}
