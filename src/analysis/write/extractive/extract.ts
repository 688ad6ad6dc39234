import { finishReport, renderProvenance } from '../../render/finish.ts'
import { isRunningText, type SourceDocument } from '../../parse/document.ts'
import { isWideLanguage } from '../unspaced-language.ts'
import type { Report, ReportPoint, ReportRequest, ReportStage } from '../../report.ts'
import { isTitleAlone } from './divide.ts'
import { findKeywords } from './keywords.ts'
import { findQuotes, type Sentence } from './sentences.ts'
import { isApparatus } from './standing.ts'
import { isGist, summarise } from './summarise.ts'
import { surveyDocument } from './survey.ts'

/** The report of a shorter text is at most a third of it. */
const SHORT_WORDS = 300
const SHORT_SHARE = 1 / 3
/** Of a title, the headings and the line below the title. */
const FRAME_WORDS = 22
/** A few words have a report all the same. */
const LEAST_WORDS = 30
const LEAST_KEYWORDS = 3

/** Writes a report without a model: whole sentences of the source, chosen and put in order. */
export function extractReport(
  source: SourceDocument,
  request: ReportRequest,
  onStage: (stage: ReportStage) => void,
): Report {
  onStage('language')
  const survey = surveyDocument(source, true)
  const { document, language, words, text, sentences, hasSentences, length, warnings: found } = survey
  const warnings = [...found, ...(request.notes ?? [])]

  onStage('ranking')
  const maxWords = length.words < SHORT_WORDS ? shortLimit(length.words) : Infinity
  const summary = summarise(document, sentences, { words, language, maxWords })
  const terms = findKeywords(selectSubject(document, text), words)
  const points = summary.sections.flatMap((section) => section.points)
  const taken = new Set([...summary.sentences, ...points].map(({ order }) => order))

  onStage('writing')
  const place = ({ text, page, seconds, section }: Sentence): ReportPoint => {
    return { text, page, seconds, heading: document.sections[section]?.heading ?? null }
  }
  const draft = {
    title: request.title ?? findTitle(source) ?? request.fallbackTitle,
    summary: joined(summary.sentences, language),
    cited: summary.sentences.map(place),
    key_points: summary.sections.map((section) => ({ ...section, points: section.points.map(place) })),
    quotes: summary.wordsLeft < Infinity ? [] : findQuotes(sentences, taken).map(place),
    chapters: [],
    conclusion: null,
    keywords: terms.slice(0, Math.max(LEAST_KEYWORDS, summary.wordsLeft)),
    language,
    length,
    engine: 'extractive' as const,
    model: null,
    usage: null,
    provenance: renderProvenance(request.origin, document.about),
    warnings: hasSentences ? warnings : [...warnings, 'No whole sentences were found in the text.'],
  }
  return finishReport(draft, request)
}

/** That of the document, or the line that it begins with; "Introduction" says nothing of it. */
function findTitle({ title, pages, sections: [first] }: SourceDocument): string | null {
  if (title !== null && isTelling(title)) return title
  const [line, ...rest] = first?.heading === null && pages === null ? first.paragraphs : []
  const isTitle = line !== undefined && rest.length > 0 && isTitleAlone(line) && isTelling(line.text)
  return isTitle ? line.text : null
}

function isTelling(title: string): boolean {
  return !isGist(title) && !isApparatus(title)
}

/** Running text without sections about the text, such as its licence; where nothing is left, all of it. */
function selectSubject({ sections }: SourceDocument, all: readonly string[]): readonly string[] {
  const subject = sections
    .filter(({ heading }) => !isApparatus(heading))
    .flatMap(({ paragraphs }) => paragraphs.filter(isRunningText).map(({ text }) => text))
  return subject.length > 0 ? subject : all
}

/** Words of summary and key points together. */
function shortLimit(words: number): number {
  return Math.max(LEAST_WORDS, Math.floor(words * SHORT_SHARE) - FRAME_WORDS)
}

function joined(sentences: readonly Sentence[], language: string): string {
  return sentences.map(({ text }) => text).join(isWideLanguage(language) ? '' : ' ')
}
