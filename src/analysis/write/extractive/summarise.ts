import type { SourceDocument } from '../../parse/document.ts'
import { chooseCovering, listConcepts, weighConcepts, type Unit } from './cover.ts'
import { isLeaning } from './leaning.ts'
import { isWideLanguage } from '../unspaced-language.ts'
import type { Sentence } from './sentences.ts'
import { canStandAlone, findStanding, isApparatus, isLocal, isNotice } from './standing.ts'
import type { Words } from './words.ts'

interface KeyPoints {
  readonly heading: string | null
  readonly page: number | null
  readonly points: readonly Sentence[]
}

export interface Summary {
  readonly sentences: readonly Sentence[]
  readonly sections: readonly KeyPoints[]
  /** What is left of the words that were allowed. */
  readonly wordsLeft: number
}

export interface SummaryOptions {
  readonly words: Words
  readonly language: string
  /** Of summary and key points together; the best sentence is taken in any case. */
  readonly maxWords: number
}

/** Sections that give key points, the weightiest first. */
const MAX_SECTIONS = 24
const MAX_POINTS = 4
const LEAST_SENTENCES = 3
const MAX_SUMMARY = 8
/** Of short sentences the summary may have more, by this factor. */
const SHORT_SENTENCES = 1.5
/** Words of the summary for each sentence that it should have; Chinese sentences hold more of them. */
const ARTICLE_WORDS = 20
const WORDS = 26
/**
 * A text without headings, such as a news article, has its main points at the beginning (Grenander et al., 2019):
 * what the position adds falls to 1/e over this many sentences.
 */
const OPENING_SENTENCES = 4
const OPENING_BONUS = 1.5
/** A longer text without headings is no article. */
const MAX_ARTICLE_SENTENCES = 200
/** What is repeated early is more of a subject than what is repeated late. */
const EARLY_SENTENCES = 8
const LATE_IMPORTANCE = 0.6
/** Of the first sentence of a section. */
const FIRST_BONUS = 0.5
/** Sections that summarise the whole text. */
const GIST =
  /^(?:\d+(?:\.\d+)*\.?\s*|[IVX]{1,4}\.\s+|[一二三四五六七八九十]{1,3}、)?(?:(?:executive |plain language |author )?(?:abstract|summary)|(?:introduction|overview|highlights|key (?:points|findings|takeaways)|in brief|at a glance|summary and conclusions?|(?:concluding remarks|conclusions?)(?: and (?:outlook|future work|recommendations))?)|摘要|内容(?:提要|摘要|简介)|总结|小结|概[述要]|综述|导[言论读]|绪论|引言|前言|结[论语]|简介|要点|(?:总结|结论)与(?:展望|建议)|要旨|はじめに|序論|結論|まとめ|おわりに|요약|초록|서론|개요|결론|zusammenfassung|kurzfassung|einleitung|überblick|fazit|résumé|synthèse|conclusiones|conclusión|introducción|resumen|introdução|conclusão|resumo|riassunto|sommario|introduzione|conclusioni|введение|аннотация|заключение|выводы)[^\p{L}\p{N}]*$/iu
const GIST_BONUS = 2
/** A longer text before the first heading is no introduction to the rest. */
const MAX_OPENING_SHARE = 0.2
const LEANING_FACTOR = 0.6
/** Where nothing is brought along. */
const LEANING_ALONE_FACTOR = 0.5
/** Of a sentence about its own section, in the summary of the whole. */
const LOCAL_FACTOR = 0.4
/** If fewer sentences are left without notices, they are what the text is about. */
const LEAST_SHARE = 0.2
/** What the whole text repeats, beside what the section repeats. */
const OVERALL_IMPORTANCE = 0.1
/** Of one key point, on average. */
const POINT_WORDS = 32
interface Candidate extends Unit {
  readonly sentence: Sentence
  readonly leans: boolean
  /** Whether it may be a key point. */
  readonly isPoint: boolean
  /** The one before, where the sentence leans on it. */
  readonly before: Sentence | null
}

/**
 * Chooses sentences: for the summary from the whole text, then for the key points from each section, each time
 * those that cover most of what the text says. No sentence is taken twice.
 */
export function summarise(
  document: SourceDocument,
  sentences: readonly Sentence[],
  { words, language, maxWords }: SummaryOptions,
): Summary {
  const isUsable = ({ section, text }: Sentence) =>
    !isApparatus(document.sections[section]?.heading ?? null) && !isNotice(text)
  const fitting = sentences.filter(isUsable)
  const usable = fitting.length > sentences.length * LEAST_SHARE ? fitting : sentences
  const candidates = toCandidates(usable, words, language)
  const budget = new Budget(words, maxWords)
  const [best, ...others] = chooseSummary(document, candidates, language)
  const chosen =
    best === undefined ? [] : [budget.spend(best), ...others.filter((each) => budget.allows(each))]
  const summary = chosen.toSorted((a, b) => a.order - b.order)
  const taken = new Set(summary.map(({ order }) => order))
  const sections = chooseKeyPoints(document, candidates, taken)
    .map((section) => ({ ...section, points: section.points.filter((point) => budget.allows(point)) }))
    .filter(({ points }) => points.length > 0)
  return { sentences: summary, sections, wordsLeft: budget.left }
}

/** The words that a report of a short text may have. */
class Budget {
  readonly #words: Words
  left: number

  constructor(words: Words, left: number) {
    this.#words = words
    this.left = left
  }

  spend(sentence: Sentence): Sentence {
    this.left -= this.#words.of(sentence.text).length
    return sentence
  }

  /** Takes a sentence if there are words left for it. */
  allows(sentence: Sentence): boolean {
    if (this.left < Infinity && this.#words.of(sentence.text).length > this.left) return false
    this.spend(sentence)
    return true
  }
}

function toCandidates(usable: readonly Sentence[], words: Words, language: string): Candidate[] {
  return usable.map((sentence, index) => {
    const all = words.of(sentence.text)
    const content = all.filter((word) => words.isContent(word)).map((word) => words.stem(word))
    const previous = usable[index - 1]
    const leans = isLeaning(sentence.text, language)
    const follows = sentence.follows && previous?.order === sentence.order - 1
    return {
      sentence,
      concepts: listConcepts(content),
      words: all.length,
      factor: findStanding(sentence, language) * (leans ? LEANING_FACTOR : 1),
      leans,
      isPoint: !leans && canStandAlone(sentence, language),
      before: leans && follows && !isLeaning(previous.text, language) ? previous : null,
    }
  })
}

function hasNoHeading({ heading }: SourceDocument['sections'][number]): boolean {
  return heading === null
}

/** The best first. */
function chooseSummary(
  document: SourceDocument,
  candidates: readonly Candidate[],
  language: string,
): Sentence[] {
  const isArticle = candidates.length <= MAX_ARTICLE_SENTENCES && document.sections.every(hasNoHeading)
  const weights = weighConcepts(
    candidates.map(({ concepts }) => concepts),
    (index) => LATE_IMPORTANCE + Math.exp(-index / EARLY_SENTENCES),
  )
  const gist = findGist(document, candidates)
  const units = candidates.map((candidate, index) => {
    const { section } = candidate.sentence
    const isFirst = candidates[index - 1]?.sentence.section !== section
    const position = isArticle
      ? OPENING_BONUS * Math.exp(-index / OPENING_SENTENCES)
      : (gist.has(section) ? GIST_BONUS : 0) + (isFirst ? FIRST_BONUS : 0)
    const unit = withBefore(candidate, candidates[index - 1])
    const local = document.sections.length > 1 && isLocal(candidate.sentence.text) ? LOCAL_FACTOR : 1
    return { ...unit, factor: unit.factor * local * (1 + position) }
  })
  const root = Math.round(Math.sqrt(units.length) * 0.75 - 2.3)
  const length = Math.min(MAX_SUMMARY, Math.max(LEAST_SENTENCES, root))
  const isShort = isArticle && length === LEAST_SENTENCES && !isWideLanguage(language)
  const maxWords = length * (isShort ? ARTICLE_WORDS : WORDS)
  const maxUnits = Math.min(MAX_SUMMARY, Math.ceil(length * SHORT_SENTENCES))
  const chosen = chooseCovering(units, weights, { maxUnits, maxWords })
  const found = chosen.flatMap((index) => {
    const { before, sentence } = candidates[index] as Candidate
    return before === null ? [sentence] : [before, sentence]
  })
  return [...new Set(found)].slice(0, MAX_SUMMARY)
}

/** Whether a heading names a kind of section, as those of many texts do. */
export function isGist(heading: string): boolean {
  return GIST.test(heading)
}

/** Sections that tell what the whole text is about, by their headings, and what stands before the first heading. */
function findGist({ sections }: SourceDocument, candidates: readonly Candidate[]): Set<number> {
  const opening = candidates.filter(({ sentence }) => sentence.section === 0).length
  const isIntroduction = sections[0]?.heading === null && opening <= candidates.length * MAX_OPENING_SHARE
  const gist = new Set(isIntroduction ? [0] : [])
  for (const [index, { heading }] of sections.entries()) if (isGist(heading ?? '')) gist.add(index)
  return gist
}

/** A sentence that leans on the one before brings it along. */
function withBefore(candidate: Candidate, before: Candidate | undefined): Unit {
  if (candidate.before === null || before === undefined) return alone(candidate)
  return {
    concepts: [...new Set([...before.concepts, ...candidate.concepts])],
    words: before.words + candidate.words,
    factor: Math.min(before.factor, candidate.factor / LEANING_FACTOR),
  }
}

function alone(candidate: Candidate): Unit {
  return { ...candidate, factor: candidate.factor * (candidate.leans ? LEANING_ALONE_FACTOR : 1) }
}

function chooseKeyPoints(
  document: SourceDocument,
  candidates: readonly Candidate[],
  taken: ReadonlySet<number>,
): KeyPoints[] {
  const points = candidates.filter(({ isPoint }) => isPoint)
  const fitting = points.length > candidates.length * LEAST_SHARE ? points : candidates
  const all = Map.groupBy(fitting, ({ sentence }) => sentence.section)
  const weightiest = [...all].sort(([, a], [, b]) => b.length - a.length).slice(0, MAX_SECTIONS)
  const overall = weighConcepts(
    candidates.map(({ concepts }) => concepts),
    () => OVERALL_IMPORTANCE,
  )
  return weightiest
    .sort(([a], [b]) => a - b)
    .map(([index, section]) => {
      const weights = weighConcepts(
        section.map(({ concepts }) => concepts),
        () => 1,
      )
      for (const [concept, weight] of weights) weights.set(concept, weight + (overall.get(concept) ?? 0))
      const free = section.filter(({ sentence }) => !taken.has(sentence.order))
      const count = Math.min(MAX_POINTS, Math.max(1, Math.round(Math.sqrt(section.length) * 0.7)))
      const limits = { maxUnits: count, maxWords: count * POINT_WORDS }
      const points = chooseCovering(free.map(alone), weights, limits)
        .map((chosen) => (free[chosen] as Candidate).sentence)
        .sort((a, b) => a.order - b.order)
      const heading = document.sections[index]?.heading ?? null
      return { heading, page: points[0]?.page ?? null, points }
    })
    .filter(({ points }) => points.length > 0)
}
