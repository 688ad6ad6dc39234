import type { Passage } from '../write/model/manuscript.ts'
import { isWideLanguage } from '../write/unspaced-language.ts'
import type { Place } from '../report.ts'
import { escaped, placeText } from './markdown.ts'

/** What the numbers in a model's text refer to. */
export interface Citations {
  /** The places of these numbers in words, ` (p. 3; p. 5)`; empty where there is none. Those that are found are added to `found`. */
  readonly cite: (numbers: readonly number[], found: Map<number, Place>) => string
  /** One line of text: no number, no markup. */
  readonly plain: (text: string) => string
  /** The same, for where it is escaped later. */
  readonly bare: (text: string) => string
}

/** `[12]`, `[3][7]`, `[3, 7]`, `[3-5]`, and what some models write for it. */
const NUMBERS = /\s{0,3}(?:[[【]\s*\d{1,6}(?:\s*[,;–-]\s*\d{1,6})*\s*[\]】])+/gu
const MAX_RANGE = 50

export function createCitations(
  passages: readonly Passage[],
  language: string,
  timeLink: string | undefined,
): Citations {
  const isWide = isWideLanguage(language)
  const cite = (numbers: readonly number[], found: Map<number, Place>): string => {
    const places = new Set<string>()
    for (const number of numbers) {
      const passage = passages[number - 1]
      if (passage === undefined) continue
      const { page, seconds, heading } = passage
      found.set(number, { page, seconds, heading })
      places.add(placeText(passage, language, timeLink))
    }
    places.delete('')
    if (places.size === 0) return ''
    return isWide ? `（${[...places].join('；')}）` : ` (${[...places].join('; ')})`
  }
  const bare = (text: string) => text.replace(NUMBERS, '').replace(/\s+/g, ' ').trim()
  return { cite, bare, plain: (text) => escaped(bare(text)) }
}

/** A segment of this length is written before its line ends. */
const LONG_SEGMENT = 160
/** A line that is longer than this is taken in pieces, wherever they end: what a model writes in a loop has no end. */
const MAX_LINE_CHARS = 4000
/** A line is examined again when this many more characters have arrived. */
const LOOK_EVERY_CHARS = 80
const SENTENCE_END = /[.!?。！？][”"’»）)]?\s+(?=\S)|[。！？](?=\S)/gu
/** A line of ticks with more ticks behind them is a code span. */
const FENCE = /^\s*(?:>\s*)*(`{3,}(?=[^`]*$)|~{3,})\s*([\w+#.-]*)/
/** Marks of quotes and lists that may precede a heading. */
const MARKED_HEADING = /^(\s{0,3}(?:(?:>|[-*+]|\d{1,9}[.)])\s*)+)#{1,6}(?=\s|$)/

/** What opens a heading of the report's own levels, an underline or a fence, also behind marks of quotes and lists. */
const BLOCK_START = /^((?:\s*(?:>|[-*+]|\d{1,9}[.)]))*\s*)(#{1,2}(?=\s|$)|[=-]+(?=\s*$)|~{3,})/

/**
 * Makes a model's text safe for a report, as it arrives: numbers become citations; links, images and HTML become
 * text; headings go below those of the report. Nothing in it can become more than text, lists, tables and code.
 */
export class ChapterText {
  readonly #citations: Citations
  readonly #found = new Map<number, Place>()
  #pending = ''
  #isLineStart = true
  /** How much of the pending text was examined. */
  #seen = 0
  #isCode = false
  #text = ''

  constructor(citations: Citations) {
    this.#citations = citations
  }

  /** Everything written so far. */
  get markdown(): string {
    return this.#text.trim()
  }

  /** The places that the text names, in the order of the source. */
  get sources(): Place[] {
    return [...this.#found].sort(([a], [b]) => a - b).map(([, place]) => place)
  }

  /** Takes a chunk and returns what is final. */
  push(chunk: string): string {
    this.#pending += chunk.replace(/\r\n?/g, '\n')
    let written = ''
    for (;;) {
      const end = this.#pending.indexOf('\n')
      if (end < 0) break
      written += `${this.#segment(this.#pending.slice(0, end))}\n`
      this.#pending = this.#pending.slice(end + 1)
      this.#isLineStart = true
    }
    written += this.#early()
    this.#text += written
    return written
  }

  end(): string {
    const rest = this.#segment(this.#pending)
    const close = this.#isCode ? `\n${FENCE_LINE}` : ''
    this.#pending = ''
    this.#isCode = false
    const written = `${rest}${close}`
    this.#text += written
    return written
  }

  /** Whole sentences of an unfinished line. */
  #early(): string {
    if (this.#pending.length < this.#seen) this.#seen = 0
    if (this.#pending.length - this.#seen < LOOK_EVERY_CHARS) return ''
    this.#seen = this.#pending.length
    const cut = this.#pending.length > MAX_LINE_CHARS ? MAX_LINE_CHARS : this.#sentenceEnd()
    if (cut === undefined) return ''
    const written = this.#segment(this.#pending.slice(0, cut))
    this.#pending = this.#pending.slice(cut)
    if (written.trim() !== '') this.#isLineStart = false
    return written
  }

  /** Where the last whole sentence of the pending line ends; undefined while it may become something else. */
  #sentenceEnd(): number | undefined {
    const pending = this.#pending
    if (this.#isCode || pending.length <= LONG_SEGMENT || /[`|]/.test(pending)) return undefined
    const ends = [...pending.matchAll(SENTENCE_END)].map((match) => match.index + match[0].length)
    return ends.findLast((end) => isBalanced(pending.slice(0, end)) && !/^\s*[[【]/.test(pending.slice(end)))
  }

  #segment(line: string): string {
    const fence = this.#isLineStart ? FENCE.exec(line) : null
    if (this.#isCode) {
      if (fence === null) return line
      this.#isCode = false
      return FENCE_LINE
    }
    if (fence !== null) {
      this.#isCode = true
      return `${FENCE_LINE}${fence[2] ?? ''}`
    }
    return this.#isLineStart ? this.#line(line) : this.#inline(line)
  }

  #line(line: string): string {
    // An underline would make a heading of the line before, or a rule.
    if (/^\s*(=+|-+|_{3,}|\*{3,}|(?:[-*_] ?){3,})\s*$/.test(line)) return ''
    const text = line.replace(/^(?:\t+| {4,})(?![-*+\d])/, '')
    const [, marks, title = ''] = /^\s{0,3}(#{1,6})(?:\s+(.*))?$/.exec(text) ?? []
    if (marks === undefined) {
      // A link or a number that is taken away may leave such a start behind.
      return this.#inline(text.replace(MARKED_HEADING, '$1###')).replace(BLOCK_START, '$1\\$2')
    }
    const level = Math.min(6, Math.max(3, marks.length))
    return `${'#'.repeat(level)} ${this.#inline(title)}`
  }

  /** Code spans stay; outside of them nothing opens a tag, a link or an image. */
  #inline(text: string): string {
    return text
      .split(/(?<!`)(`[^`]+`)(?!`)/)
      .map((piece, index) => {
        // A table divides its cells before it looks for code.
        const isCode = index % 2 === 1 && !piece.includes('|')
        return isCode ? piece : this.#prose(piece)
      })
      .join('')
  }

  #prose(text: string): string {
    let prose = ''
    let at = 0
    for (const { 0: numbers, index } of text.matchAll(NUMBERS)) {
      prose += asText(text.slice(at, index)) + this.#citations.cite(numbersIn(numbers), this.#found)
      at = index + numbers.length
    }
    return prose + asText(text.slice(at))
  }
}

/** Prose in which nothing opens a tag, a link or an image; emphasis stays. Links are their text. */
function asText(text: string): string {
  return text
    .replace(/!?\[([^\][]{0,300})\]\([^()]{0,1000}\)/g, '$1')
    .replace(/[\\`[\]]/g, '\\$&')
    .replace(/&(?=[#\w]{1,40};)/g, '&amp;')
    .replace(/</g, '&lt;')
}

const FENCE_LINE = '```'

function isBalanced(text: string): boolean {
  return count(text, /[[【]/g) === count(text, /[\]】]/g) && count(text, /\*\*/g) % 2 === 0
}

function count(text: string, mark: RegExp): number {
  return text.match(mark)?.length ?? 0
}

/** `[3][5-7]` → 3, 5, 6, 7. */
function numbersIn(text: string): number[] {
  return [...text.matchAll(/(\d{1,6})(?:\s*[–-]\s*(\d{1,6}))?/g)].flatMap(([, from, to]) => {
    const [first, last] = [Number(from), Number(to ?? from)]
    const length = Math.min(MAX_RANGE, Math.max(1, last - first + 1))
    return Array.from({ length }, (_, index) => first + index)
  })
}
