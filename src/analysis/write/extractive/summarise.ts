import type { SourceDocument } from '../../parse/document.ts'
import { computeCentrality, similarity, computeVectors, type Vector } from './rank.ts'
import { isHalfQuoted, type Sentence } from './sentences.ts'
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
  /** Of summary and key points together; the best sentence is taken in any case. */
  readonly maxWords: number
}

/** Centrality is quadratic: a longer section is ranked in parts of this many sentences. */
const MAX_RANKED_TOGETHER = 200
/** Sections that give key points, the weightiest first. */
const MAX_SECTIONS = 24
const MAX_POINTS = 4
const CANDIDATES_PER_PART = 6
/** Different content words that make a full sentence. */
const FULL_SENTENCE_WORDS = 8
/** Openings that point back to a sentence that is not shown. */
const LEANING =
  /^(this|these|those|that|it|they|he|she|thus|hence|therefore|however|but|and|so|also|moreover|furthermore|for example|for instance|in this|at this|in that|in such|as a result|because of|such|first|second|third|finally|next|then|here|we call|(?:the )?(?:figure|table|following))\b|^(因此|所以|但是|然而|此外|另外|例如|比如|这|那|其|该|它|他|她|而且|并且|同时|首先|其次|最后|然后)/i
const LEANING_SHARE = 0.5
/** A question asks for what a report should answer. */
const QUESTION = /[?？]["”’」』)]*$/
/** Sections that summarise the whole text. */
const GIST =
  /^(\d+(\.\d+)*\.?\s*)?(abstract|summary|introduction|overview|conclusions?|摘要|总结|概述|引言|前言|结论|简介)\W*$/i
const GIST_BONUS = 0.25
/**
 * A text without headings, such as a news article, has its main points at the beginning (Grenander et al., 2019):
 * the weight of a sentence by its position falls to 1/e over this many sentences.
 */
const OPENING_SENTENCES = 4
const OPENING_WEIGHT = 0.55
/** A longer text without headings is no article. */
const MAX_ARTICLE_SENTENCES = 200
/** Share of redundancy in the choice of the next sentence. */
const REDUNDANCY = 0.6
/** Two sentences this similar have the same content. */
const SAME = 0.7
/** Sections that are about the text, not of it. */
const APPARATUS =
  /^(\d+(\.\d+)*\.?\s*)?(table of )?(contents|references|bibliography|acknowledge?ments?|see also|external links|further reading|notes|footnotes|copyright|目录|参考文献|参考资料|相关文档|致谢|注释)\W*$/i
/** Openings that announce or advertise the text and do not describe its subject. */
const BOILERPLATE =
  /permission to make digital|project gutenberg|all rights reserved|cookie|subscribe|newsletter|sign up|click here|this (section|chapter|paper is organi[sz]ed)/i

interface Ranked {
  readonly sentence: Sentence
  readonly vector: Vector
  readonly score: number
}

/**
 * Chooses sentences: ranked inside each section, the best of all sections ranked again for the summary, then
 * taken one by one, each as new as it is central. No sentence is taken twice.
 */
export function summarise(
  document: SourceDocument,
  sentences: readonly Sentence[],
  { words, maxWords }: SummaryOptions,
): Summary {
  const texts = sentences.map(({ text }) =>
    words
      .of(text)
      .filter((word) => words.isContent(word))
      .map((word) => words.stem(word)),
  )
  const vectors = computeVectors(texts)
  const isUsable = ({ section, text }: Sentence) =>
    !APPARATUS.test(document.sections[section]?.heading ?? '') && !BOILERPLATE.test(text)
  const all = sentences.map((sentence, index) => ({ sentence, vector: vectors[index] as Vector, score: 0 }))
  const fitting = all.filter(({ sentence }) => isUsable(sentence))
  const usable = fitting.length > 0 ? fitting : all
  const parts = splitParts(usable).map(rankPart)
  const candidates = isArticle(document, usable) ? rankArticle(parts.flat()) : rankAcross(document, parts)
  const budget = new Budget(words, maxWords)
  const [best, ...others] = choose(candidates, summaryLength(usable.length))
  const chosen =
    best === undefined ? [] : [budget.spend(best), ...others.filter((each) => budget.allows(each))]
  const summary = inOrder(chosen)
  const taken = new Set(summary.map(({ sentence }) => sentence.order))
  const sections = selectKeyPoints(document, parts, taken)
    .map((section) => ({
      ...section,
      points: section.points.filter((sentence) => budget.allows({ sentence })),
    }))
    .filter(({ points }) => points.length > 0)
  return { sentences: summary.map(({ sentence }) => sentence), sections, wordsLeft: budget.left }
}

/** The words that a report of a short text may have. */
class Budget {
  readonly #words: Words
  left: number

  constructor(words: Words, left: number) {
    this.#words = words
    this.left = left
  }

  spend<Chosen extends { readonly sentence: Sentence }>(chosen: Chosen): Chosen {
    this.left -= this.#words.of(chosen.sentence.text).length
    return chosen
  }

  /** Takes a sentence if there are words left for it. */
  allows(chosen: { readonly sentence: Sentence }): boolean {
    if (this.left < Infinity && this.#words.of(chosen.sentence.text).length > this.left) return false
    this.spend(chosen)
    return true
  }
}

/** Sentences of one section, or of a part of a long one. */
function splitParts(usable: readonly Ranked[]): Ranked[][] {
  const parts: Ranked[][] = []
  for (const ranked of usable) {
    const part = parts.at(-1)
    const isSame = part?.[0]?.sentence.section === ranked.sentence.section
    if (part !== undefined && isSame && part.length < MAX_RANKED_TOGETHER) part.push(ranked)
    else parts.push([ranked])
  }
  return parts
}

function rankPart(part: readonly Ranked[]): Ranked[] {
  const scores = computeCentrality(part.map(({ vector }) => vector))
  return part.map((ranked, index) => ({ ...ranked, score: (scores[index] ?? 0) * findStanding(ranked) }))
}

/** How well a sentence works alone: long enough, and without reference to the one before. */
function findStanding({ sentence, vector }: Ranked): number {
  const fullness = Math.min(1, vector.size / FULL_SENTENCE_WORDS)
  const { text } = sentence
  const isLeaning = LEANING.test(text) || QUESTION.test(text) || isHalfQuoted(text)
  return fullness * (isLeaning ? LEANING_SHARE : 1)
}

function isArticle({ sections }: SourceDocument, usable: readonly Ranked[]): boolean {
  return usable.length <= MAX_ARTICLE_SENTENCES && sections.every(({ heading }) => heading === null)
}

/** The sentences of an article: the first ones describe its subject. */
function rankArticle(ranked: readonly Ranked[]): Ranked[] {
  return ranked.map((each, index) => {
    const opening = Math.exp(-index / OPENING_SENTENCES)
    return { ...each, score: OPENING_WEIGHT * opening + (1 - OPENING_WEIGHT) * each.score }
  })
}

/** The best of every part, ranked among each other; openings and the sections that sum up count more. */
function rankAcross(document: SourceDocument, parts: readonly (readonly Ranked[])[]): Ranked[] {
  const candidates = parts.flatMap((part) => byScore(part).slice(0, CANDIDATES_PER_PART))
  const limited = inOrder(byScore(candidates).slice(0, MAX_RANKED_TOGETHER))
  const scores = computeCentrality(limited.map(({ vector }) => vector))
  return limited.map((ranked, index) => {
    const opening = 1 - index / limited.length
    const gist = GIST.test(document.sections[ranked.sentence.section]?.heading ?? '') ? GIST_BONUS : 0
    const score =
      0.5 * (scores[index] ?? 0) * findStanding(ranked) + 0.3 * ranked.score + 0.2 * opening + gist
    return { ...ranked, score }
  })
}

/** Maximal marginal relevance (Carbonell and Goldstein, 1998). */
function choose(candidates: readonly Ranked[], count: number): Ranked[] {
  const chosen: Ranked[] = []
  const left = new Set(candidates)
  while (chosen.length < count && left.size > 0) {
    const redundancy = (ranked: Ranked) =>
      chosen.reduce((most, other) => Math.max(most, similarity(ranked.vector, other.vector)), 0)
    const gain = (ranked: Ranked) => ranked.score - REDUNDANCY * redundancy(ranked)
    const best = [...left].reduce((top, next) => (gain(next) > gain(top) ? next : top))
    left.delete(best)
    if (redundancy(best) < SAME) chosen.push(best)
  }
  return chosen
}

function selectKeyPoints(
  document: SourceDocument,
  parts: readonly (readonly Ranked[])[],
  taken: ReadonlySet<number>,
): KeyPoints[] {
  const bySection = new Map<number, Ranked[]>()
  for (const ranked of parts.flat()) {
    const section = bySection.get(ranked.sentence.section) ?? []
    section.push(ranked)
    bySection.set(ranked.sentence.section, section)
  }
  const weightiest = [...bySection].sort(([, a], [, b]) => b.length - a.length).slice(0, MAX_SECTIONS)
  return weightiest
    .sort(([a], [b]) => a - b)
    .map(([index, ranked]) => {
      const free = ranked.filter(({ sentence }) => !taken.has(sentence.order))
      const count = Math.min(MAX_POINTS, Math.max(1, Math.round(Math.sqrt(ranked.length) * 0.7)))
      const points = inOrder(choose(byScore(free).slice(0, MAX_RANKED_TOGETHER), count)).map(
        ({ sentence }) => sentence,
      )
      const heading = document.sections[index]?.heading ?? null
      return { heading, page: points[0]?.page ?? null, points }
    })
    .filter(({ points }) => points.length > 0)
}

function summaryLength(sentences: number): number {
  return Math.min(8, Math.max(3, Math.round(Math.sqrt(sentences) * 0.45)))
}

function byScore(ranked: readonly Ranked[]): Ranked[] {
  return ranked.toSorted((a, b) => b.score - a.score)
}

function inOrder(ranked: readonly Ranked[]): Ranked[] {
  return ranked.toSorted((a, b) => a.sentence.order - b.sentence.order)
}
