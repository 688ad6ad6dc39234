import { isSubtitles, readSubtitles } from './captions.ts'
import { readDelimited } from './delimited.ts'
import { isRst, rstToMarkdown } from './rst.ts'
import { describeTexEnd, isTex, texToMarkdown } from './tex.ts'
import { readChapterLine } from '../chapter-line.ts'
import { decodeText } from './encoding.ts'
import { joinLines, SectionBuilder, type ParagraphKind, type SourceDocument } from '../document.ts'

const FENCE = /^\s*(```|~~~)/
const HEADING = /^\s{0,3}(#{1,6})\s(.*)$/
/** Of a heading that is underlined. */
const MAX_HEADING_CHARS = 100
const MAX_HEADING_LINES = 50
const UNDERLINE = /^\s{0,3}(=+|-{3,})\s*$/
/** Of a line without spaces around it. */
const TABLE_RULE = /^\|?(?:[ \t]*:?-{3,}:?[ \t]*\|)+[ \t]*(?::?-{3,}:?)?$/
const TABLE_RULE_BEGIN = /^\|?[ \t]*:?-{3,}:?[ \t]*\|/
const RULE = /^\s{0,3}([-*_])(\s*\1){2,}\s*$/
const LIST_ITEM = /^\s*(?:[-*+•]|\d{1,3}[.)、])\s+(.*)$/
const HARD_BREAK = /\S {2,}$/
const QUOTE = /^\s{0,3}>\s?/
const SENTENCE_END = /[.!?。！？…]["”’」』)]*$/
const FRONT_MATTER = /^\ufeff?---\n[\s\S]*?\n---\n/
const BOOK_START = /^\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG [^\n]{0,300}$/m
const BOOK_END = /^\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG /m
/** A line of symbols: a diagram, an arrow, an art of letters. */
const LETTERS = /[\p{L}\p{N}]/gu
const MIN_LETTER_SHARE = 0.4
const MAX_LOOKED_AT_CHARS = 10_000

/** Reads Markdown and plain text: headings, paragraphs, list items, code and tables; rules are left out. */
export function readText(bytes: Uint8Array, charset: string | null = null): SourceDocument {
  const { text: decoded, warnings } = decodeText(bytes, { charset })
  const other = readOther(decoded.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n'))
  if (other !== null) return { ...other, warnings: [...warnings, ...other.warnings] }
  const text = toMarkdown(decoded.replace(/\r\n?/g, '\n')).replace(FRONT_MATTER, '')
  const reader = new LineReader()
  for (const line of withoutLicence(text).split('\n')) reader.read(line)
  const sections = reader.end()
  return { title: reader.title, sections, pages: null, warnings: [...warnings, ...describeTexEnd(decoded)] }
}

/** A book of Project Gutenberg without the terms around it. */
function withoutLicence(text: string): string {
  const start = BOOK_START.exec(text)
  if (start === null) return text
  const book = text.slice(start.index + start[0].length)
  return book.slice(0, BOOK_END.exec(book)?.index)
}

/** A text that is a file of subtitles or a table; null: it is running text. */
function readOther(text: string): SourceDocument | null {
  if (isSubtitles(text)) return readSubtitles(text)
  return readDelimited(text)
}

/** Other markup as Markdown, whose reader reads it then. */
function toMarkdown(text: string): string {
  if (isTex(text)) return texToMarkdown(text)
  return isRst(text) ? rstToMarkdown(text) : text
}

class LineReader {
  title: string | null = null
  readonly #builder = new SectionBuilder()
  /** Of the paragraph that is being read. */
  #lines: string[] = []
  #kind: ParagraphKind = 'prose'
  #fence: string | null = null

  read(line: string): void {
    const fence = FENCE.exec(line)?.[1]
    if (this.#fence !== null) {
      if (fence !== this.#fence) this.#lines.push(`${line}\n`)
      else this.#flush()
      return
    }
    if (fence !== undefined) {
      this.#flush()
      this.#fence = fence
      this.#kind = 'code'
      return
    }
    this.#readText(line.replace(QUOTE, ''), QUOTE.test(line))
  }

  end() {
    this.#flush()
    return this.#builder.build()
  }

  #readText(line: string, isQuoted: boolean): void {
    const heading = HEADING.exec(line)
    const title = heading === null ? '' : withoutClosingMarks(heading[2] ?? '')
    if (title !== '') return this.#heading(title, heading?.[1]?.length ?? 1)
    if (UNDERLINE.test(line) && this.#kind === 'prose' && this.#lines.length < MAX_HEADING_LINES) {
      const text = joinLines(this.#lines)
      if (text !== '' && text.length < MAX_HEADING_CHARS) {
        this.#lines = []
        return this.#heading(text, 1)
      }
    }
    if (isTableRow(line.trim())) return this.#row(line)
    if (line.trim() === '' || RULE.test(line) || this.#kind === 'table') this.#flush()
    if (line.trim() === '' || RULE.test(line)) return
    const item = LIST_ITEM.exec(line)
    if (item !== null) {
      this.#flush()
      this.#kind = 'item'
    }
    if (isQuoted && this.#lines.length === 0 && item === null) this.#kind = 'quote'
    const text = toPlain(item?.[1] ?? line)
    if (this.#beginsChapter(text)) return this.#alone(text)
    if (isText(text)) this.#lines.push(text)
    if (HARD_BREAK.test(line)) this.#flush()
  }

  #heading(text: string, level: number): void {
    this.#flush()
    const plain = toPlain(text).replace(/\s+/g, ' ')
    if (level === 1 && this.title === null) this.title = plain
    else this.#builder.heading(plain)
  }

  /** Between paragraphs: a line in the middle of one may begin with the same words. */
  #beginsChapter(text: string): boolean {
    const isBetween = this.#lines.length === 0 || SENTENCE_END.test(this.#lines.at(-1) ?? '')
    return this.#kind === 'prose' && isBetween && readChapterLine(text) !== null
  }

  /** A paragraph of one line. */
  #alone(text: string): void {
    this.#flush()
    this.#lines.push(text)
    this.#flush()
  }

  #row(line: string): void {
    if (this.#kind !== 'table') this.#flush()
    this.#kind = 'table'
    if (TABLE_RULE.test(line.trim())) return
    const cells = line
      .trim()
      .replace(/^\||\|$/g, '')
      .split('|')
    this.#lines.push(`${cells.map((cell) => toPlain(cell)).join(' | ')}\n`)
  }

  #flush(): void {
    const text =
      this.#kind === 'code' || this.#kind === 'table' ? this.#lines.join('') : joinLines(this.#lines)
    this.#builder.paragraph(text, { kind: this.#kind })
    this.#lines = []
    this.#kind = 'prose'
    this.#fence = null
  }
}

/** `## Title ##` → `Title`. */
function withoutClosingMarks(text: string): string {
  let end = text.trimEnd().length
  while (text[end - 1] === '#') end -= 1
  return text.slice(0, end).trim()
}

function isTableRow(line: string): boolean {
  return (line.length > 1 && line.startsWith('|') && line.endsWith('|')) || TABLE_RULE_BEGIN.test(line)
}

function isText(line: string): boolean {
  // The beginning says enough; counted over 5 MB, a list of all letters fills the memory.
  const chars = line.trimStart().slice(0, MAX_LOOKED_AT_CHARS).replace(/\s/g, '')
  return chars !== '' && (chars.match(LETTERS)?.length ?? 0) / chars.length >= MIN_LETTER_SHARE
}

/** A line without Markdown's marks: emphasis, code ticks, links, images, check boxes, the kinds of notes (`[!TIP]`), pictographs. */
function toPlain(line: string): string {
  return line
    .replace(/data:[\w.+/-]{1,100};base64,[\w+/=-]*/g, '')
    .replace(/!\[[^\]]{0,500}\]\([^)]{0,2000}\)/g, '')
    .replace(/\[([^\][]{0,500})\]\([^)]{0,2000}\)/g, '$1')
    .replace(/\[([^\][]{1,500})\]\[[^\][]{0,500}\]/g, '$1')
    .replace(/^\s*\[[ xX]\]\s+/, '')
    .replace(/^\s*\[!\w{1,20}\][+-]?\s*$/, '')
    .replace(/(\*\*|__)(.{1,500}?)\1/g, '$2')
    .replace(/(^|[^\w*])[*_]([^*_\s][^*_]{0,500})[*_](?![\w*])/g, '$1$2')
    .replace(/`([^`]*)`/g, '$1')
    .replace(/<!--.{0,2000}?-->/g, '')
    .replace(/<(https?:\/\/[^<>\s]{1,2000})>/gi, '$1')
    .replace(/<\/?[a-z][^<>]{0,2000}>/gi, '')
    .replace(/[\p{Extended_Pictographic}\u{fe0f}\u{200d}]/gu, '')
    .trim()
}
