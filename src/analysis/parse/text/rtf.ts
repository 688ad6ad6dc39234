import { SectionBuilder, type SourceDocument } from '../document.ts'

/** Groups that are not the text: fonts, colours, styles, pictures, what a program keeps for itself. */
const LEFT_OUT = new Set([
  'fonttbl',
  'colortbl',
  'stylesheet',
  'pict',
  'object',
  'header',
  'footer',
  'headerl',
  'headerr',
  'footerl',
  'footerr',
  'listtable',
  'listoverridetable',
  'generator',
  'info',
  'themedata',
  'datastore',
])
const ENDS = new Set(['par', 'sect', 'page', 'row'])
const CHARS: Readonly<Record<string, string>> = {
  tab: ' ',
  line: ' ',
  cell: ' | ',
  emdash: '—',
  endash: '–',
  lquote: '‘',
  rquote: '’',
  ldblquote: '“',
  rdblquote: '”',
  bullet: '•',
  '~': '\u00a0',
  _: '-',
}
/** A control word with its number, a control symbol, a group's beginning or end, or text. */
const TOKEN = /\\([a-z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|([^\\{}\r\n]+)/gi
const MAX_DEPTH = 10_000

/** Reads rich text (RTF 1.9): its paragraphs and table rows, without what says how they look. */
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
  return { title: null, sections: reader.end(), pages: null, warnings: [] }
}

interface Group {
  readonly isLeftOut: boolean
  /** Characters behind one in Unicode that are there for readers without it. */
  readonly fallbackChars: number
}

class RtfReader {
  readonly #builder = new SectionBuilder()
  readonly #groups: Group[] = []
  #group: Group = { isLeftOut: false, fallbackChars: 1 }
  #decoder = new TextDecoder('windows-1252')
  #bytes: number[] = []
  #text = ''
  #skip = 0
  #isRow = false

  open(): void {
    this.#flushBytes()
    if (this.#groups.length < MAX_DEPTH) this.#groups.push(this.#group)
  }

  close(): void {
    this.#flushBytes()
    this.#group = this.#groups.pop() ?? this.#group
    this.#skip = 0
  }

  word(word: string, number: number | null): void {
    if (word === 'u' && number !== null) return this.#unicode(number)
    this.#flushBytes()
    if (LEFT_OUT.has(word)) this.#group = { ...this.#group, isLeftOut: true }
    else if (word === 'uc') this.#group = { ...this.#group, fallbackChars: number ?? 1 }
    else if (word === 'ansicpg') this.#decoder = createDecoder(number)
    else if (ENDS.has(word)) this.#endParagraph(word === 'row')
    else if (word === 'cell') this.#isRow = true
    if (CHARS[word] !== undefined) this.#add(CHARS[word])
  }

  byte(byte: number): void {
    if (this.#skip > 0) this.#skip -= 1
    else if (!this.#group.isLeftOut) this.#bytes.push(byte)
  }

  symbol(symbol: string): void {
    this.#flushBytes()
    // A group that readers may not know.
    if (symbol === '*') this.#group = { ...this.#group, isLeftOut: true }
    else if (/[\\{}]/.test(symbol)) this.#add(symbol)
    else if (/[\r\n]/.test(symbol)) this.#endParagraph(false)
    else this.#add(CHARS[symbol] ?? '')
  }

  text(text: string): void {
    this.#flushBytes()
    const rest = text.slice(this.#skip)
    this.#skip = Math.max(0, this.#skip - text.length)
    this.#add(rest)
  }

  end() {
    this.#flushBytes()
    this.#endParagraph(false)
    return this.#builder.build()
  }

  #unicode(number: number): void {
    this.#flushBytes()
    this.#add(String.fromCharCode(number & 0xffff))
    this.#skip = this.#group.fallbackChars
  }

  #flushBytes(): void {
    if (this.#bytes.length === 0) return
    const text = this.#decoder.decode(Uint8Array.from(this.#bytes))
    this.#bytes = []
    this.#add(text)
  }

  #add(text: string): void {
    if (!this.#group.isLeftOut) this.#text += text
  }

  #endParagraph(isRow: boolean): void {
    if (this.#group.isLeftOut || (this.#isRow && !isRow)) return
    const kind = isRow ? 'table' : 'prose'
    this.#builder.paragraph(isRow ? this.#text.replace(/[ |]+$/, '') : this.#text, { kind })
    this.#text = ''
    this.#isRow = false
  }
}

/** The encoding of a Windows code page; Western where it has no name. */
function createDecoder(page: number | null): InstanceType<typeof TextDecoder> {
  const names: Readonly<Record<number, string>> = {
    932: 'shift_jis',
    936: 'gbk',
    949: 'euc-kr',
    950: 'big5',
    65001: 'utf-8',
  }
  try {
    return new TextDecoder(names[page ?? 1252] ?? `windows-${page ?? 1252}`)
  } catch {
    return new TextDecoder('windows-1252')
  }
}
