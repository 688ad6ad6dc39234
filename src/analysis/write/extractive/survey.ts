import { isRunningText, type Paragraph, type SourceDocument } from '../../parse/document.ts'
import { detectLanguage } from '../language.ts'
import { isWideLanguage } from '../unspaced-language.ts'
import type { Draft } from '../../render/markdown.ts'
import { divideByChapters, divideByLength } from './divide.ts'
import { listLines, sentencesOf, type Sentence } from './sentences.ts'
import { Words } from './words.ts'

/** Words a minute (Brysbaert, 2019) and, for Chinese and Japanese, characters a minute. */
const WORDS_PER_MINUTE = 238
const WIDE_CHARS_PER_MINUTE = 260
/** A longer text is read up to this; the report has a warning. */
const MAX_CHARS = 4_000_000

/** What is known of a text before anything is written about it. */
export interface Survey {
  /** As much of the document as is read. */
  readonly document: SourceDocument
  readonly warnings: readonly string[]
  /** ISO 639-1. */
  readonly language: string
  readonly words: Words
  /** Running text, a paragraph each. */
  readonly text: readonly string[]
  /** Its whole sentences; where it has none, its lines. */
  readonly sentences: readonly Sentence[]
  readonly hasSentences: boolean
  readonly length: Draft['length']
}

/** @param hasParts whether a long text without headings is divided into parts */
export function surveyDocument(source: SourceDocument, hasParts = false): Survey {
  const { document: read, warnings } = limited(source)
  const running = textIn(read, isRunningText)
  // A workbook, or a deck of headings.
  const text = running.length > 0 ? running : [...headingsIn(read), ...textIn(read, isOfSource)]
  const language = detectLanguage(text.join('\n'))
  const words = new Words(language)
  const divided = divideByChapters(read)
  const document = hasParts ? divideByLength(divided, language) : divided
  const whole = sentencesOf(document, language)
  const sentences = whole.length > 0 ? whole : listLines(document, language)
  const length = {
    ...measureLength(text, words, language),
    sentences: sentences.length,
    pages: document.pages,
  }
  return { document, warnings, language, words, text, sentences, hasSentences: whole.length > 0, length }
}

function textIn({ sections }: SourceDocument, isWanted: (paragraph: Paragraph) => boolean): string[] {
  return sections.flatMap(({ paragraphs }) => paragraphs.filter(isWanted).map(({ text }) => text))
}

function headingsIn({ sections }: SourceDocument): string[] {
  return sections.flatMap(({ heading }) => heading ?? [])
}

function isOfSource({ kind }: Paragraph): boolean {
  return kind !== 'fact'
}

/** The part of the document that is read, and its warnings. */
function limited(source: SourceDocument): { document: SourceDocument; warnings: readonly string[] } {
  let left = MAX_CHARS
  let total = 0
  const sections = source.sections.map((section) => ({
    ...section,
    paragraphs: section.paragraphs.flatMap((paragraph) => {
      total += paragraph.text.length
      const text = paragraph.text.slice(0, Math.max(0, left))
      left -= paragraph.text.length
      return text === '' ? [] : [{ ...paragraph, text }]
    }),
  }))
  if (left >= 0) return { document: source, warnings: source.warnings }
  const warning = `The text has ${total} characters; the report covers the first ${MAX_CHARS}.`
  return { document: { ...source, sections }, warnings: [...source.warnings, warning] }
}

function measureLength(text: readonly string[], words: Words, language: string) {
  const characters = text.reduce((sum, paragraph) => sum + paragraph.length, 0)
  const count = text.reduce((sum, paragraph) => sum + words.of(paragraph).length, 0)
  const isWide = isWideLanguage(language)
  const minutes = isWide ? characters / WIDE_CHARS_PER_MINUTE : count / WORDS_PER_MINUTE
  return { characters, words: count, reading_minutes: Math.max(1, Math.round(minutes)) }
}
