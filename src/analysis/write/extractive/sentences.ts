import { cutPieces } from '../../pieces.ts'
import { isWideLanguage } from '../unspaced-language.ts'
import { isRunningText, type Paragraph, type SourceDocument } from '../../parse/document.ts'
import { hasFullStops, isWhole, splitBySpaces } from './whole.ts'

/** One whole sentence of the source, with its position. */
export interface Sentence {
  readonly text: string
  readonly page: number | null
  readonly seconds: number | null
  /** Index of its section in the document. */
  readonly section: number
  /** Place in the whole document, rising. */
  readonly order: number
  /** Whether nothing was left out between the sentence before, in the same section, and this one. */
  readonly follows: boolean
  /** In what its full stop was put, because the source has none. */
  readonly closed: 'item' | 'line' | null
}

const ABBREVIATIONS =
  /(?:^|[\s(“"])(?:Dr|Mr|Mrs|Ms|Prof|Sr|Jr|St|vs|etc|e\.g|i\.e|cf|al|Fig|Figs|Eq|Sec|Ch|No|Nos|Vol|pp?|ed|eds|Inc|Ltd|Co|Corp|approx|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Gen|Col|Sen|Rep|Gov|Capt|Lt|U\.S|U\.K|U\.N|a\.m|p\.m)\.\s*$/
/** "George W.", "J.": an initial follows a name or begins a sentence; "hepatitis A." ends its sentence. */
const INITIAL = /(?:^|[\s(“"])(?:\p{Lu}[\p{L}.'’-]*\s+)?\p{Lu}\.\s*$/u
const BEGINNING = /^(?:The|A|An|It|He|She|They|We|I|You|This|These|That|In|On|At|For|But|And|There|When|If)\s/
const AFTER_SMALL = /(?:^|\s)\p{Ll}[\p{L}'’-]*\s+\p{Lu}\.\s*$/u
const CLOSING = /^[”’"'»」』）)\]]+/
/** A longer run of words is no sentence, and is not joined to what follows. */
const MAX_SENTENCE_CHARS = 2000
/** A name and an initial are shorter. */
const MAX_ENDING_CHARS = 200
/** Longer runs of text are not given to the segmenter in one piece. */
const MAX_PIECE_CHARS = 20_000

/** Splits every paragraph and keeps what reads as a whole sentence. */
export function sentencesOf(document: SourceDocument, language: string): Sentence[] {
  const segmenter = new Intl.Segmenter(language, { granularity: 'sentence' })
  const seen = new Set<string>()
  const sentences: Sentence[] = []
  for (const [section, { paragraphs }] of document.sections.entries()) {
    let follows = false
    for (const paragraph of paragraphs) {
      const pieces = splitPieces(paragraph, segmenter, language)
      if (pieces.length === 0) follows = false
      for (const { text, whole, closed } of pieces) {
        const key = text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
        const isKept = whole && !seen.has(key)
        if (isKept) {
          seen.add(key)
          const { page, seconds } = paragraph
          sentences.push({ text, page, seconds, section, order: sentences.length, follows, closed })
        }
        follows = isKept
      }
    }
  }
  return sentences
}

/** The longest piece of a text without sentences, in characters. */
const MAX_LINE_CHARS = 300

/** The lines of a text without sentences: its paragraphs and list items, else its headings, else the rows of its tables. */
export function listLines(document: SourceDocument, language: string): Sentence[] {
  const segmenter = new Intl.Segmenter(language, { granularity: 'sentence' })
  const lines: Sentence[] = []
  let wanted = /\p{L}.*\p{L}/su
  const add = (text: string, section: number, { page, seconds }: Pick<Sentence, 'page' | 'seconds'>) => {
    if (!wanted.test(text)) return
    lines.push({
      text: shorten(text),
      page,
      seconds,
      section,
      order: lines.length,
      follows: false,
      closed: null,
    })
  }
  const each = (isWanted: (paragraph: Paragraph) => boolean, split: (text: string) => readonly string[]) => {
    for (const [section, { paragraphs }] of document.sections.entries()) {
      for (const paragraph of paragraphs.filter(isWanted)) {
        for (const text of split(paragraph.text)) add(text, section, paragraph)
      }
    }
  }
  each(
    (paragraph) => isRunningText(paragraph) || paragraph.kind === 'caption',
    (text) => splitSentences(text, segmenter),
  )
  if (lines.length > 0) return lines
  for (const [section, { heading }] of document.sections.entries()) {
    add(heading ?? '', section, { page: null, seconds: null })
  }
  if (lines.length > 0) return lines
  wanted = /[\p{L}\p{N}]/u
  each(
    () => true,
    (text) => text.split('\n'),
  )
  return lines
}

function shorten(text: string): string {
  if (text.length <= MAX_LINE_CHARS) return text
  const space = text.lastIndexOf(' ', MAX_LINE_CHARS)
  return `${text.slice(0, space > MAX_LINE_CHARS / 2 ? space : MAX_LINE_CHARS)}…`
}

interface Piece {
  readonly text: string
  /** Whether it reads as a whole sentence. */
  readonly whole: boolean
  readonly closed: Sentence['closed']
}

function splitPieces(paragraph: Paragraph, segmenter: Intl.Segmenter, language: string): Piece[] {
  if (paragraph.kind === 'fact') return [{ text: paragraph.text, whole: true, closed: null }]
  if (!isRunningText(paragraph) || CAPTION.test(paragraph.text)) return []
  // A list item, and in Chinese any line, may be a sentence that leaves its full stop out.
  const plain = paragraph.text.replace(REFERENCE_MARK, '')
  const isWide = isWideLanguage(language)
  const isOpen = /[\p{L}\p{M}\p{N}%)）”]$/u.test(plain) && (isWide || paragraph.kind === 'item')
  // A line with a label is no title.
  const kind = paragraph.kind === 'item' || (isWide && LABELLED.test(plain)) ? 'item' : 'line'
  const found = hasFullStops(language)
    ? splitSentences(isOpen ? closed(plain, isWide) : plain, segmenter)
    : splitBySpaces(plain)
  return found.map((sentence, index) => {
    const text = withoutLead(sentence)
    const isClosed = isOpen && index === found.length - 1 && hasFullStops(language)
    return { text, whole: isWhole(text, language), closed: isClosed ? kind : null }
  })
}
/** `(2)`, `三、`, and where and by whom a news item was reported. */
const LEAD =
  /^(?:\(?(?:\d{1,2}|[ivx]{1,4}|[a-z])\)\s+(?=\p{L})|[(（](?:[一二三四五六七八九十]{1,3}|\d{1,2})[)）]|[一二三四五六七八九十]{1,3}、|\d{1,2}、)\s*/u
const DATELINE =
  /^(?:[\p{Lu}][\p{L} .,]{1,40} )?\((?:CNN|Reuters|AP|AFP|UPI|DPA|Bloomberg|Xinhua)\)\s*(?:--|[—–-])?\s*|^(?:新华社|中新社|中新网|人民网|新华网)[^，。]{0,24}?电\s*(?:[（(][^）)]{0,30}[）)])?\s*|^本报讯\s*(?:[（(][^）)]{0,30}[）)])?\s*/u

function withoutLead(sentence: string): string {
  return sentence.replace(LEAD, '').replace(DATELINE, '')
}
const REFERENCE_MARK = /\s?\[\d{1,3}(?:[,–-]\s?\d{1,3})*\]/g
const CAPTION =
  /^(?:figure|fig\.|table|listing|algorithm|图|表)\s*\d+(?:[-.–]\d+)*\s*[.:：]|^[图表]\s*\d+(?:[-.–]\d+)*\s[^。]{0,60}$/i

/**
 * Sentences as Intl.Segmenter finds them, its known faults corrected: it splits after "Dr." and "U.S." and
 * before a closing quotation mark.
 */
export function splitSentences(text: string, segmenter: Intl.Segmenter): string[] {
  const sentences: string[] = []
  for (const piece of cutPieces(text, MAX_PIECE_CHARS)) {
    for (const { segment } of segmenter.segment(piece)) {
      const last = sentences.at(-1)
      if (last === undefined || last.length > MAX_SENTENCE_CHARS) sentences.push(segment)
      else if (isAbbreviated(last, segment) || /^\s*\p{Ll}/u.test(segment)) {
        sentences[sentences.length - 1] = last + segment
      } else if (isClosing(last, segment)) {
        const closing = CLOSING.exec(segment)?.[0] ?? ''
        sentences[sentences.length - 1] = last.trimEnd() + closing
        if (segment.length > closing.length) sentences.push(segment.slice(closing.length))
      } else {
        sentences.push(segment)
      }
    }
  }
  return sentences
    .flatMap((sentence) => sentence.split(BEFORE_LABEL))
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '')
}
/** `… of the gate. level: the level …`: the parameters of a function follow each other. */
const BEFORE_LABEL = /(?<=\p{L}{2}[.!?])\s+(?=\p{Ll}\w*:\s)/u

function isAbbreviated(sentence: string, next: string): boolean {
  // What it ends with decides.
  const text = sentence.slice(-MAX_ENDING_CHARS)
  const isEnd = AFTER_SMALL.test(text) && BEGINNING.test(next)
  return ABBREVIATIONS.test(text) || (INITIAL.test(text) && !isEnd)
}

/** A straight quotation mark behind a space opens what follows. */
function isClosing(last: string, segment: string): boolean {
  return CLOSING.test(segment) && !(/\s$/.test(last) && /^["'](?=\S)/.test(segment))
}

const LABELLED = /^[^：:，。]{1,16}[：:]\s*(.+)$/su

/** Puts the full stop; "问题：…" names what the sentence is about, and the sentence is the rest. */
function closed(text: string, isWide: boolean): string {
  if (!isWide) return `${text}.`
  const [, rest = text] = LABELLED.exec(text) ?? []
  return `${rest}。`
}

const MAX_QUOTES = 5
/** Quoted speech, in the quotation marks of English, German, French and Chinese. */
const SPEECH = /[“"„«「『]([^”"“»」』]{24,})[”"“»」』]/u
const SPEECHES = new RegExp(SPEECH, 'gu')
const SAID =
  /\b(said|says|told|added|adds|argued|argues|wrote|writes|explained|explains|warned|warns|noted|asked|according to|recalled|insisted|concluded)\b|说|表示|指出|认为|称|写道|强调|警告/iu

/** Sentences with quoted speech, in the order of the source; those of `taken` are left out. */
export function findQuotes(sentences: readonly Sentence[], taken: ReadonlySet<number>): Sentence[] {
  const heard = sentences.filter(
    ({ text, order }) =>
      // Who speaks is named beside what is said.
      !taken.has(order) && SPEECH.test(text) && SAID.test(text.replace(SPEECHES, '')) && !isHalfQuoted(text),
  )
  // The longest ones carry most of the content.
  const fullest = heard.toSorted((a, b) => speechChars(b) - speechChars(a)).slice(0, MAX_QUOTES)
  return fullest.sort((a, b) => a.order - b.order)
}

function speechChars({ text }: Sentence): number {
  return SPEECH.exec(text)?.[1]?.length ?? 0
}

/** Whether a quotation begins or ends outside of this sentence. */
export function isHalfQuoted(text: string): boolean {
  const count = (pattern: RegExp) => text.match(pattern)?.length ?? 0
  const isGerman = text.includes('„')
  const pairs: readonly (readonly [RegExp, RegExp])[] = [
    isGerman ? [/„/g, /[“”]/g] : [/“/g, /”/g],
    [/[「『«]/g, /[」』»]/g],
    // Within a word, or behind it, it may be an apostrophe: what was opened has to be closed, and that is all.
    [/‘/g, /’(?!\p{L})/gu],
  ]
  const [double, corner, single] = pairs.map(([open, close]) => count(open) - count(close))
  return double !== 0 || corner !== 0 || (single ?? 0) > 0 || count(/"/g) % 2 === 1
}
