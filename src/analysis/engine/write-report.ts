import type { SourceDocument } from '../source/document.ts'
import { keywordsOf } from './keywords.ts'
import { languageOf } from './language.ts'
import { markdownOf } from './markdown.ts'
import type { Report, ReportRequest, ReportStage } from './report.ts'
import { sentencesOf, type Sentence } from './sentences.ts'
import { summarise } from './summarise.ts'
import { Words } from './words.ts'

/** Words a minute (Brysbaert, 2019) and, for Chinese and Japanese, characters a minute. */
const WORDS_PER_MINUTE = 238
const WIDE_CHARS_PER_MINUTE = 260
/** A longer text is ranked as far as this; the report says so. */
const MAX_RANKED_CHARS = 4_000_000

/** Writes a report without a model: whole sentences of the source, chosen and put in order. */
export function writeReport(
  source: SourceDocument,
  request: ReportRequest,
  told: (stage: ReportStage) => void,
): Report {
  const { document, warnings: found } = limited(source)
  const warnings = [...found, ...(request.notes ?? [])]
  const text = document.sections.flatMap((section) => section.paragraphs.map((paragraph) => paragraph.text))
  told('language')
  const language = languageOf(text.join('\n'))
  const words = new Words(language)
  const sentences = sentencesOf(document, language)

  told('ranking')
  const summary = summarise(document, sentences, words)
  const keywords = keywordsOf(text, words)

  told('writing')
  const title = request.title ?? document.title ?? request.fallbackTitle
  const hash = request.sha256.slice(0, 16)
  const report = {
    title,
    summary: joined(summary.sentences, language),
    key_points: summary.sections.map(({ heading, page, points }) => ({
      heading,
      page,
      points: points.map(({ text: point, page: on, seconds }) => ({ text: point, page: on, seconds })),
    })),
    keywords,
    language,
    length: { ...lengthOf(text, words, language), sentences: sentences.length, pages: document.pages },
    engine: 'extractive' as const,
    warnings: sentences.length > 0 ? warnings : [...warnings, 'No whole sentences were found in the text.'],
    filename: `${fileNameOf(title)}-${hash.slice(0, 8)}.md`,
    hash,
  }
  return { ...report, markdown: markdownOf(report, summary.sentences, request.timeLink) }
}

function joined(sentences: readonly Sentence[], language: string): string {
  return sentences.map(({ text }) => text).join(language === 'zh' || language === 'ja' ? '' : ' ')
}

/** As much of the document as can be ranked, and what was said of it. */
function limited(source: SourceDocument): { document: SourceDocument; warnings: readonly string[] } {
  let left = MAX_RANKED_CHARS
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
  const warning = `The text has ${total} characters; the report covers the first ${MAX_RANKED_CHARS}.`
  return { document: { ...source, sections }, warnings: [...source.warnings, warning] }
}

function lengthOf(text: readonly string[], words: Words, language: string) {
  const characters = text.reduce((sum, paragraph) => sum + paragraph.length, 0)
  const count = text.reduce((sum, paragraph) => sum + words.of(paragraph).length, 0)
  const isWide = language === 'zh' || language === 'ja'
  const minutes = isWide ? characters / WIDE_CHARS_PER_MINUTE : count / WORDS_PER_MINUTE
  return { characters, words: count, reading_minutes: Math.max(1, Math.round(minutes)) }
}

const MAX_FILE_NAME_CHARS = 60

function fileNameOf(title: string): string {
  const name = title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, MAX_FILE_NAME_CHARS)
    .replace(/-+$/, '')
  return name === '' ? 'report' : name
}
