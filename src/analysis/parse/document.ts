/** What a source reader makes of a file: sections of paragraphs, in reading order. */
export interface SourceDocument {
  readonly title: string | null
  readonly sections: readonly Section[]
  readonly pages: number | null
  /** What a reader of the report should know about how the text was read. */
  readonly warnings: readonly string[]
  /** Metadata of the document, where it has any. */
  readonly about?: AboutDocument
}

export interface AboutDocument {
  readonly author?: string
  /** As the document writes it, mostly ISO 8601. */
  readonly published?: string
  /** The publication or the program that it comes from. */
  readonly publisher?: string
  /** The address that a web page gives for itself. */
  readonly canonicalUrl?: string
  /** Of the pages whose text was recognised; absent: none was. */
  readonly recognised?: RecognisedShare
}

interface RecognisedShare {
  readonly pages: number
  /** Mean of their words, 0 to 100. */
  readonly confidence: number
}

export interface Section {
  /** null before the first heading. */
  readonly heading: string | null
  readonly paragraphs: readonly Paragraph[]
}

export interface Paragraph {
  readonly text: string
  /** 1 for the first; null where the source has no pages. */
  readonly page: number | null
  /** Time from the beginning, in seconds; null where the source is not spoken. */
  readonly seconds: number | null
  readonly kind: ParagraphKind
}

/**
 * Running text is `prose`, `item` (of a list, a sentence only when it reads as one) and `quote`; a `table` is one row
 * after the other, a line each, its cells apart by ` | `; `code` keeps its lines; an `aside` is
 * about the text, not of it: references, menus, boxes; a `fact` is a line of ours about what is there, such as a column.
 */
export type ParagraphKind = 'prose' | 'item' | 'quote' | 'table' | 'code' | 'caption' | 'aside' | 'fact'

const RUNNING: ReadonlySet<ParagraphKind> = new Set(['prose', 'item', 'quote'])
const OF_LINES: ReadonlySet<ParagraphKind> = new Set(['table', 'code'])

/** Whether a paragraph is read from its beginning to its end, as sentences. */
export function isRunningText({ kind }: Paragraph): boolean {
  return RUNNING.has(kind)
}

type ParagraphPlace = Partial<Omit<Paragraph, 'text'>>

/** Collects paragraphs under their headings. */
export class SectionBuilder {
  readonly #sections: { heading: string | null; paragraphs: Paragraph[] }[] = [
    { heading: null, paragraphs: [] },
  ]

  heading(text: string): void {
    const heading = joinSpaces(text.replace(SOFT_HYPHENS, ''))
    if (heading !== '') this.#sections.push({ heading, paragraphs: [] })
  }

  paragraph(text: string, { page = null, seconds = null, kind = 'prose' }: ParagraphPlace = {}): void {
    const shown = kind === 'code' ? text : text.replace(SOFT_HYPHENS, '')
    const trimmed = OF_LINES.has(kind) ? splitLines(shown) : joinSpaces(shown)
    if (trimmed !== '') this.#sections.at(-1)?.paragraphs.push({ text: trimmed, page, seconds, kind })
  }

  /** Sections with their text; a heading above other headings has none of its own. */
  build(): Section[] {
    return this.#sections.filter(({ heading, paragraphs }) => heading !== null || paragraphs.length > 0)
  }
}

/** Places where a word may be divided are not shown, and would make two words of it. */
const SOFT_HYPHENS = /\u00ad/g

function joinSpaces(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

function splitLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n')
}

/** Joins lines of one paragraph: with a space, but none between Chinese or Japanese characters, nor beside their punctuation. */
export function joinLines(lines: readonly string[]): string {
  const parts: string[] = []
  for (const line of lines) {
    if (line === '') continue
    const before = parts.at(-1)
    // The ends alone are looked at: a paragraph may have a hundred thousand lines.
    if (before !== undefined && isApart(before.slice(-2), line)) parts.push(' ')
    parts.push(line)
  }
  return parts.join('')
}

/** Whether there is a space between the end of a line and the next one: none between characters of Chinese or Japanese. */
export function isApart(before: string, after: string): boolean {
  if (WIDE_MARK_END.test(before) || WIDE_MARK_START.test(after)) return false
  return !(WIDE_END.test(before) && WIDE_START.test(after))
}
const WIDE = '[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\u30fc]'
const WIDE_MARK = '[\\u3000-\\u303f\\uff00-\\uffef]'
const WIDE_END = new RegExp(`${WIDE}$`, 'u')
const WIDE_START = new RegExp(`^${WIDE}`, 'u')
const WIDE_MARK_END = new RegExp(`${WIDE_MARK}$`, 'u')
const WIDE_MARK_START = new RegExp(`^${WIDE_MARK}`, 'u')

/** `1:02:03`, or `2:03` below an hour. */
export function clockTime(seconds: number): string {
  const [hours, minutes, rest] = [
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    Math.floor(seconds) % 60,
  ]
  const tail = `${minutes}`.padStart(hours > 0 ? 2 : 1, '0')
  return `${hours > 0 ? `${hours}:` : ''}${tail}:${`${rest}`.padStart(2, '0')}`
}
