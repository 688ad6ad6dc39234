import { SectionBuilder, type ParagraphKind, type SourceDocument } from '../document.ts'
import { writeRemarks, writeRunningLines, type Remark } from '../office/remarks.ts'
import { createDecoder, pageOfCharset } from './rtf-encoding.ts'
import {
  CHARS,
  createFlow,
  ENDS,
  FLOWS,
  LEFT_OUT,
  MAX_OUTLINE,
  PROPERTIES,
  SHAPES,
  type Flow,
  type FlowKind,
} from './rtf-groups.ts'

/** A control word with its number, a control symbol, a group's beginning or end, or text. */
const TOKEN = /\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)/gi
const MAX_DEPTH = 10_000

/**
 * Reads rich text (RTF 1.9): its headings, paragraphs and table rows; footnotes and text boxes behind the paragraph that has them;
 * at its end headers and footers once each, and the comments of reviewers; without what is deleted.
 */
export function readRtf(bytes: Uint8Array): SourceDocument {
  const reader = new RtfReader()
  for (const [, word, number, hex, symbol, brace, text] of Buffer.from(bytes)
    .toString('latin1')
    .matchAll(TOKEN)) {
    if (brace === '{') reader.open()
    else if (brace === '}') reader.close()
    else if (word !== undefined) reader.word(word, number === undefined ? null : Number(number))
    else if (hex !== undefined) reader.byte(Number.parseInt(hex, 16))
    else if (symbol !== undefined) reader.symbol(symbol)
    else if (text !== undefined) reader.text(text)
  }
  return reader.end()
}

interface Group {
  /** `shape`: all but the text of a shape is left out. */
  readonly leftOut: 'nothing' | 'shape' | 'all'
  readonly isDeleted: boolean
  readonly font: number
  /** null: running text. */
  readonly outline: number | null
  /** Characters behind one in Unicode that are there for readers without it. */
  readonly fallbackChars: number
  /** Whether paragraphs of its own end with this group. */
  readonly isFlow: boolean
  readonly isFontTable: boolean
  readonly isInfo: boolean
}

const FIRST_GROUP: Group = {
  leftOut: 'nothing',
  isDeleted: false,
  font: -1,
  outline: null,
  fallbackChars: 1,
  isFlow: false,
  isFontTable: false,
  isInfo: false,
}

class RtfReader {
  readonly #builder = new SectionBuilder()
  readonly #groups: Group[] = []
  readonly #flows: Flow[] = []
  readonly #about = { title: '', author: '' }
  /** The encodings of fonts that have one of their own. */
  readonly #fonts = new Map<number, InstanceType<typeof TextDecoder>>()
  #group = FIRST_GROUP
  #flow = createFlow('prose')
  #decoder = createDecoder(null)
  #bytes: number[] = []
  readonly #running: string[] = []
  readonly #remarks: Remark[] = []
  #reviewer = ''
  #skip = 0
  #isStarred = false
  /** Whether nothing stands between the brace that began the group and this place. */
  #isAtStart = false
  /** Whether paragraphs are those of a cell. */
  #isInTable = false
  #isEnded = false
  #hasMore = false

  open(): void {
    this.#flushBytes()
    if (this.#groups.length < MAX_DEPTH) this.#groups.push(this.#group)
    this.#group = { ...this.#group, isFlow: false }
    this.#isAtStart = true
  }

  close(): void {
    this.#flushBytes()
    if (this.#group.isFlow) this.#closeFlow()
    this.#group = this.#groups.pop() ?? FIRST_GROUP
    if (this.#groups.length === 0) this.#isEnded = true
    this.#skip = 0
  }

  word(word: string, number: number | null): void {
    if (word === 'u' && number !== null) return this.#unicode(number)
    this.#flushBytes()
    const isStarred = this.#isStarred
    this.#isStarred = false
    this.#isAtStart = false
    if (this.#beginGroup(word, isStarred)) return
    if (word === 'ansicpg') this.#decoder = createDecoder(number)
    else if (ENDS.has(word)) this.#endParagraph(word === 'row')
    else if (word === 'cell' || word === 'nestcell') this.#flow.isRow = true
    this.#change(word, number)
    if (CHARS[word] !== undefined) this.#add(CHARS[word])
  }

  byte(byte: number): void {
    this.#isAtStart = false
    if (this.#skip > 0) this.#skip -= 1
    else if (this.#group.leftOut === 'nothing') this.#bytes.push(byte)
  }

  symbol(symbol: string): void {
    this.#flushBytes()
    // A group that readers may not know; elsewhere it means nothing.
    if (symbol === '*') this.#isStarred = this.#isAtStart
    else if (/[\\{}]/.test(symbol)) this.#add(symbol)
    else if (/[\r\n]/.test(symbol)) this.#endParagraph(false)
    else this.#add(CHARS[symbol] ?? '')
  }

  /** Text may be the second byte of a character whose first one is written as a number. */
  text(text: string): void {
    this.#isAtStart &&= /^\s*$/.test(text)
    const from = Math.min(this.#skip, text.length)
    this.#skip -= from
    if (this.#group.leftOut !== 'nothing') return
    // Some programs write a zero at the end.
    if (this.#isEnded && /[^\s\0]/.test(text)) this.#hasMore = true
    for (let at = from; at < text.length; at += 1) this.#bytes.push(text.charCodeAt(at))
  }

  end(): SourceDocument {
    this.#flushBytes()
    while (this.#flows.length > 0) this.#closeFlow()
    this.#endParagraph(this.#flow.isRow)
    const { title, author } = this.#about
    writeRunningLines(
      this.#running.map((text) => ({ text, hasPageNumber: false })),
      this.#builder,
    )
    const warnings = [...this.#warnings(), ...writeRemarks(this.#remarks, this.#builder)]
    return {
      title: title || null,
      sections: this.#builder.build(),
      pages: null,
      warnings,
      about: author === '' ? {} : { author },
    }
  }

  #warnings(): string[] {
    if (this.#hasMore) return ['The file has more after its end: its parts may be in disorder.']
    return this.#groups.length > 0 ? ['The file ends in the middle: a part of the text is missing.'] : []
  }

  /** Whether a word says what its group is. */
  #beginGroup(word: string, isStarred: boolean): boolean {
    const { leftOut, isInfo: isInfoGroup } = this.#group
    const kind = PROPERTIES.has(word) && isInfoGroup ? (word as FlowKind) : FLOWS[word]
    if (kind !== undefined && (leftOut !== 'all' || isInfoGroup)) this.#openFlow(kind)
    else if (SHAPES.has(word) && leftOut === 'nothing') this.#group = { ...this.#group, leftOut: 'shape' }
    else if (LEFT_OUT.has(word) || isStarred) {
      if (word === 'listtext' || word === 'pntext') this.#flow.isItem = true
      this.#group = {
        ...this.#group,
        leftOut: 'all',
        isFontTable: word === 'fonttbl',
        isInfo: word === 'info',
      }
    } else return false
    return true
  }

  /** Properties of characters and paragraphs, and of fonts in their table. */
  #change(word: string, number: number | null): void {
    if (word === 'pard' || word === 'intbl') this.#isInTable = word === 'intbl'
    if (word === 'f' && number !== null) this.#group = { ...this.#group, font: number }
    else if (word === 'fcharset' && this.#group.isFontTable) {
      const page = pageOfCharset(number ?? 0)
      if (page !== undefined) this.#fonts.set(this.#group.font, createDecoder(page))
    } else if (word === 'uc') this.#group = { ...this.#group, fallbackChars: number ?? 1 }
    else if (word === 'deleted') this.#group = { ...this.#group, isDeleted: number !== 0 }
    else if (word === 'plain') this.#group = { ...this.#group, isDeleted: false }
    else if (word === 'pard') this.#group = { ...this.#group, outline: null }
    else if (word === 'outlinelevel') this.#group = { ...this.#group, outline: number }
  }

  #openFlow(kind: FlowKind): void {
    this.#flows.push(this.#flow)
    this.#flow = createFlow(kind)
    this.#group = { ...this.#group, leftOut: 'nothing', outline: null, isFlow: true }
  }

  #closeFlow(): void {
    const { kind, text } = this.#flow
    if (kind === 'title' || kind === 'author') this.#about[kind] = text.trim()
    else if (kind === 'reviewer') this.#reviewer = text.trim()
    else this.#endParagraph(false)
    const { after } = this.#flow
    const lines = after.map((paragraph) => paragraph.text)
    this.#flow = this.#flows.pop() ?? createFlow('prose')
    if (kind === 'running') this.#running.push(...lines)
    else if (kind === 'comment') this.#remarks.push({ author: this.#reviewer, text: lines.join(' ') })
    else this.#flow.after.push(...after)
  }

  #unicode(number: number): void {
    this.#flushBytes()
    this.#add(String.fromCharCode(number & 0xffff))
    this.#skip = this.#group.fallbackChars
  }

  #flushBytes(): void {
    if (this.#bytes.length === 0) return
    const decoder = this.#fonts.get(this.#group.font) ?? this.#decoder
    const text = decoder.decode(Uint8Array.from(this.#bytes))
    this.#bytes = []
    this.#add(text)
  }

  #add(text: string): void {
    const { leftOut, isDeleted } = this.#group
    if (leftOut === 'nothing' && !isDeleted) this.#flow.text += text
  }

  #endParagraph(isRow: boolean): void {
    const flow = this.#flow
    if (this.#group.leftOut !== 'nothing') return
    // Paragraphs of one cell.
    if ((flow.isRow || this.#isInTable) && !isRow && this.#flows.length === 0) {
      flow.text += ' '
      return
    }
    const text = isRow ? flow.text.replace(/[ |]{1,1000}$/, '') : flow.text
    const isBulleted = /^\s*[•·]\s/.test(text)
    const { outline } = this.#group
    if (this.#flows.length > 0) flow.after.push({ text, kind: toKind(flow.kind) })
    else if (outline !== null && outline >= 0 && outline <= MAX_OUTLINE && !isRow)
      this.#builder.heading(text.replace(/\s+/g, ' '))
    else if (isRow) this.#builder.paragraph(text, { kind: 'table' })
    else if (isBulleted || flow.isItem)
      this.#builder.paragraph(text.replace(/^\s*[•·]\s/, ''), { kind: 'item' })
    else this.#builder.paragraph(text)
    if (this.#flows.length === 0)
      for (const { text: behind, kind } of flow.after.splice(0)) this.#builder.paragraph(behind, { kind })
    flow.text = ''
    if (isRow) this.#isInTable = false
    flow.isRow = false
    flow.isItem = false
  }
}

function toKind(kind: FlowKind): ParagraphKind {
  return kind === 'aside' ? 'aside' : 'prose'
}
