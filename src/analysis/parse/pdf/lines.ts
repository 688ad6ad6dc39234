/** One piece of text as the PDF places it; lengths in points, y grows upwards. */
export interface PdfItem {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly width: number
  /** Size of the font. */
  readonly size: number
  readonly font: string
}

export interface PdfLine {
  readonly text: string
  readonly x: number
  readonly right: number
  readonly y: number
  readonly size: number
  readonly font: string
  readonly page: number
}

/** Items on one baseline differ in y by less than this share of their size. */
export const SAME_LINE = 0.5
/** A gap wider than this share of the size is a space. */
export const SPACE_GAP = 0.15
/** A gap wider than this many sizes starts another column. */
export const COLUMN_GAP = 2

/** Joins items into lines, in the order in which the file draws them: columns stay apart. */
export function splitLines(items: readonly PdfItem[], page: number): PdfLine[] {
  const lines: PdfLine[] = []
  let open: PdfItem[] = []
  for (const item of items) {
    const last = open.at(-1)
    if (last !== undefined && !isSameLine(last, item)) {
      lines.push(toLine(open, page))
      open = []
    }
    open.push(item)
  }
  if (open.length > 0) lines.push(toLine(open, page))
  return lines.filter((line) => line.text !== '')
}

function isSameLine(last: PdfItem, next: PdfItem): boolean {
  const size = Math.max(last.size, next.size)
  const gap = next.x - (last.x + last.width)
  return Math.abs(next.y - last.y) < size * SAME_LINE && gap > -size && gap < size * COLUMN_GAP
}

function toLine(items: readonly PdfItem[], page: number): PdfLine {
  let text = ''
  let right = -Infinity
  for (const item of items) {
    const isApart = text !== '' && (item.x - right > item.size * SPACE_GAP || isAfterMark(text, items, item))
    text += isApart && !text.endsWith(' ') && !item.text.startsWith(' ') ? ` ${item.text}` : item.text
    right = item.x + item.width
  }
  const widest = items.reduce((best, item) => (item.text.length > best.text.length ? item : best))
  const { size, font } = widest
  return { text: tidy(text), x: items[0]?.x ?? 0, right, y: widest.y, size, font, page }
}

/** A number or sign at the beginning of a line is the mark of a footnote when what follows is of a larger size. */
const NOTE_MARK = /^(?:\d{1,3}|[*†‡§])$/u
const MARK_SIZE = 0.87

function isAfterMark(text: string, [mark]: readonly PdfItem[], next: PdfItem): boolean {
  return mark !== undefined && NOTE_MARK.test(text) && mark.size < next.size * MARK_SIZE
}

const LIGATURES: Readonly<Record<string, string>> = {
  '\ufb00': 'ff',
  '\ufb01': 'fi',
  '\ufb02': 'fl',
  '\ufb03': 'ffi',
  '\ufb04': 'ffl',
  '\ufb05': 'st',
  '\ufb06': 'st',
}

/** Accents that precede their letter, as TeX draws them. A grave one at the beginning of a word is a quotation mark. */
const ACCENTS: Readonly<Record<string, string>> = {
  '\u00a8': '\u0308',
  '\u00b4': '\u0301',
  '\u0060': '\u0300',
  '\u02c6': '\u0302',
  '\u02dc': '\u0303',
}

/** Marks belong to the letter before them, so does the vowel AM of Thai and Lao, which reaches over it. */
const BEFORE_MARK = / (?=[\p{M}\u0e33\u0eb3])/gu

function tidy(text: string): string {
  return text
    .replace(
      /((?<=\p{L})\u0060|[\u00a8\u00b4\u02c6\u02dc])\s?([aeiounAEIOUN\u0131])/gu,
      (_, accent: string, letter: string) =>
        ((letter === '\u0131' ? 'i' : letter) + (ACCENTS[accent] ?? '')).normalize('NFC'),
    )
    .replace(/[\ufb00-\ufb06]/g, (ligature) => LIGATURES[ligature] ?? ligature)
    .replace(/\s+/g, ' ')
    .replace(BEFORE_MARK, '')
    .trim()
}
