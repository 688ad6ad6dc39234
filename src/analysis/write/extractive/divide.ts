import { readChapterLine, type ChapterLine } from '../../parse/chapter-line.ts'
import {
  clockTime,
  isRunningText,
  type Paragraph,
  type Section,
  type SourceDocument,
} from '../../parse/document.ts'
import { findFrame } from '../../render/frame.ts'
import { isWideLanguage } from '../unspaced-language.ts'

/** Less text between two beginnings of chapters is a table of contents. */
const MIN_CHAPTER_CHARS = 200
const MAX_TITLE_CHARS = 80
/** A question may be a title. */
const SENTENCE_END = /[.。…,;:，；：]["”’」』)]*$/
const SPEECH = /^["“‘「『'`«]/
/** Titles without numbers are lines that stand alone between paragraphs. */
const NUMBER = /^\d+(?:\.\d+)*[.)]?\s+/
const TITLE_BEGIN = /^[\p{Lu}\p{Lo}]/u
/** The name of an author, a speaker, a label, an exclamation, a line of signs. */
const NO_TITLE =
  /^(?:by|(?:edited|illustrated|translated|written) by)\s|[:：|<>{}=*_@，。]|[!！?？—–-]["”’」』)]*$/iu
const WIDE = /\p{Script=Han}/u
const MAX_WIDE_TITLE_CHARS = 30
const MIN_LETTER_SHARE = 0.8
/** Of a paragraph below a title. */
const MIN_TEXT_CHARS = 100
const MIN_WIDE_TEXT_CHARS = 40
const MIN_TITLES = 3
/** Of the lines that stand alone; the others may be a table or a title page. */
const MIN_TITLE_SHARE = 0.7
/** On average. */
const MIN_TITLE_TEXT_CHARS = 300
const MIN_WIDE_TITLE_TEXT_CHARS = 100
/** A shorter text is an article, and one piece. */
const MIN_PARTS = 2
const MAX_PARTS = 24
/** Characters of one part: some hundred sentences. */
const PART_CHARS = 12_000
const WIDE_PART_CHARS = 4000
const MAX_PARAGRAPH_CHARS = 2000
/** Behind a word that is long enough to be no abbreviation. */
const BETWEEN_SENTENCES =
  /(?<=(?:\p{L}{4}|\p{N})[.!?]["”’)]?)\s+(?=["“]?\p{Lu})|(?<=[。！？।][”’」』）]?)(?=[^”’」』）])/gu

/** A text without headings gets those of the chapters that it names, else its lines that are titles. */
export function divideByChapters(document: SourceDocument): SourceDocument {
  return withSections(document, (paragraphs) => findChapters(paragraphs) ?? findTitles(paragraphs))
}

/** A long text that has no headings even so gets parts of about the same length. */
export function divideByLength(document: SourceDocument, language: string): SourceDocument {
  return withSections(document, (paragraphs) => cutParts(paragraphs, language))
}

function withSections(
  document: SourceDocument,
  find: (paragraphs: readonly Paragraph[]) => Section[] | null,
): SourceDocument {
  if (document.sections.some(({ heading }) => heading !== null)) return document
  const sections = find(document.sections.flatMap(({ paragraphs }) => paragraphs))
  return sections === null ? document : { ...document, sections }
}

interface Beginning extends ChapterLine {
  /** Index of its paragraph. */
  readonly at: number
}

/** Null: there are not two chapters that follow each other. */
function findChapters(paragraphs: readonly Paragraph[]): Section[] | null {
  const found = paragraphs.flatMap((paragraph, at): Beginning[] => {
    const line = isRunningText(paragraph) ? readChapterLine(paragraph.text) : null
    return line === null ? [] : [{ ...line, at }]
  })
  const kinds = [...Map.groupBy(found, ({ kind }) => kind).values()]
  const chapters = kinds
    .map((beginnings) => inSequence(withText(beginnings, paragraphs)))
    .reduce((most, next) => (next.length > most.length ? next : most), [])
  if (chapters.length < 2) return null
  const [first] = chapters
  const sections: Section[] = [{ heading: null, paragraphs: paragraphs.slice(0, first?.at) }]
  for (const [index, { at }] of chapters.entries()) {
    const [line, ...rest] = paragraphs.slice(at, chapters[index + 1]?.at)
    const title = rest[0] !== undefined && isTitle(rest[0]) ? rest[0].text : null
    const heading = [line?.text ?? '', title ?? ''].join(' ').trim()
    sections.push({ heading, paragraphs: title === null ? rest : rest.slice(1) })
  }
  return sections.filter((section) => section.heading !== null || section.paragraphs.length > 0)
}

/** Those that are followed by text before the next one. */
function withText(beginnings: readonly Beginning[], paragraphs: readonly Paragraph[]): Beginning[] {
  return beginnings.filter(({ at }, index) => {
    const between = paragraphs.slice(at + 1, beginnings[index + 1]?.at)
    return between.reduce((sum, { text }) => sum + text.length, 0) >= MIN_CHAPTER_CHARS
  })
}

/** Counted from 1, without a gap; each part of a book may count anew. */
function inSequence(beginnings: readonly Beginning[]): Beginning[] {
  const kept: Beginning[] = []
  for (const each of beginnings) {
    const next = (kept.at(-1)?.number ?? 0) + 1
    if (each.number === 1 || each.number === next) kept.push(each)
  }
  return kept
}

/** The title of a chapter, on a line of its own behind its number. */
function isTitle({ text, kind }: Paragraph): boolean {
  return kind === 'prose' && text.length <= MAX_TITLE_CHARS && !SENTENCE_END.test(text) && !SPEECH.test(text)
}

/** Null: the lines that stand alone are too few, too close together, or mostly something else, such as a table. */
function findTitles(paragraphs: readonly Paragraph[]): Section[] | null {
  const alone = [...paragraphs.keys()].filter((at) => isTitleAlone(paragraphs[at]))
  const isLone = new Set(alone)
  const titles = alone.filter((at) => {
    const next = paragraphs[at + 1]
    return next !== undefined && (isLone.has(at + 1) ? hasText(paragraphs[at + 2]) : hasText(next))
  })
  if (titles.length < MIN_TITLES || titles.length < alone.length * MIN_TITLE_SHARE) return null
  const total = paragraphs.reduce((sum, { text }) => sum + text.length, 0)
  const isWide = titles.some((at) => WIDE.test(paragraphs[at]?.text ?? ''))
  if (total < titles.length * (isWide ? MIN_WIDE_TITLE_TEXT_CHARS : MIN_TITLE_TEXT_CHARS)) return null
  const opening: Section = { heading: null, paragraphs: paragraphs.slice(0, titles[0]) }
  const sections = titles.map((at, index): Section => {
    const [title, ...rest] = paragraphs.slice(at, titles[index + 1])
    return { heading: title?.text ?? '', paragraphs: rest }
  })
  return opening.paragraphs.length > 0 ? [opening, ...sections] : sections
}

/** Whether a line that stands alone is a title. */
export function isTitleAlone(paragraph: Paragraph | undefined): boolean {
  if (paragraph === undefined || !isTitle(paragraph)) return false
  const name = paragraph.text.replace(NUMBER, '')
  const letters = name.match(/[\p{L}\p{M} ]/gu)?.length ?? 0
  const isShort = name.length <= (WIDE.test(name) ? MAX_WIDE_TITLE_CHARS : MAX_TITLE_CHARS)
  return (
    isShort && letters >= name.length * MIN_LETTER_SHARE && TITLE_BEGIN.test(name) && !NO_TITLE.test(name)
  )
}

/** Whether a paragraph is long enough to stand under a title. */
function hasText(paragraph: Paragraph | undefined): boolean {
  return (
    paragraph !== undefined &&
    isRunningText(paragraph) &&
    paragraph.text.length >= (WIDE.test(paragraph.text) ? MIN_WIDE_TEXT_CHARS : MIN_TEXT_CHARS)
  )
}

/** Null: the text is short enough to be one. */
function cutParts(whole: readonly Paragraph[], language: string): Section[] | null {
  const paragraphs = whole.flatMap(splitLong)
  const lengths = paragraphs.map((paragraph) => (isRunningText(paragraph) ? paragraph.text.length : 0))
  const total = lengths.reduce((sum, length) => sum + length, 0)
  const count = Math.min(
    MAX_PARTS,
    Math.floor(total / (isWideLanguage(language) ? WIDE_PART_CHARS : PART_CHARS)),
  )
  if (count < MIN_PARTS) return null
  const parts: Paragraph[][] = []
  let read = 0
  for (const [index, paragraph] of paragraphs.entries()) {
    const part = Math.min(count - 1, Math.floor((read / total) * count))
    ;(parts[part] ??= []).push(paragraph)
    read += lengths[index] ?? 0
  }
  const filled = parts.filter((part) => part !== undefined)
  if (filled.length < MIN_PARTS) return null
  return filled.map((part, index) => ({ heading: namePart(part, index + 1, language), paragraphs: part }))
}

/** A text may be one paragraph: it is cut between sentences. */
function splitLong(paragraph: Paragraph): Paragraph[] {
  const { text } = paragraph
  if (text.length < MAX_PARAGRAPH_CHARS || !isRunningText(paragraph)) return [paragraph]
  const pieces: Paragraph[] = []
  let from = 0
  for (const { index } of text.matchAll(BETWEEN_SENTENCES)) {
    if (index - from < MAX_PARAGRAPH_CHARS / 2) continue
    pieces.push({ ...paragraph, text: text.slice(from, index).trim() })
    from = index
  }
  return [...pieces, { ...paragraph, text: text.slice(from).trim() }].filter((piece) => piece.text !== '')
}

/** By its pages, its times, or its number. */
function namePart(part: readonly Paragraph[], number: number, language: string): string {
  const frame = findFrame(language)
  const [from, to] = [part[0], part.at(-1)]
  if (from?.page != null && to?.page != null) return frame.pages(from.page, to.page)
  if (from?.seconds != null && to?.seconds != null) {
    return `${clockTime(from.seconds)}–${clockTime(to.seconds)}`
  }
  return frame.part(number)
}
