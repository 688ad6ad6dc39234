import type { Words } from './words.ts'

const MAX_KEYWORDS = 10
/** A pair of words is a term when it occurs together at least this often. */
const MIN_PAIR_COUNT = 3
/** A pair has to make up this share of its rarer word. */
const MIN_PAIR_SHARE = 0.4

interface Term {
  readonly shown: string
  readonly stems: readonly string[]
  count: number
}

/** The words and pairs of words that a text comes back to, most often first. */
export function findKeywords(texts: readonly string[], words: Words): string[] {
  const singles = new Map<string, Term>()
  const pairs = new Map<string, Term>()
  for (const text of texts) {
    let before: string | null = null
    for (const word of words.of(text)) {
      if (!words.isContent(word)) {
        before = null
        continue
      }
      count(singles, [word], words)
      if (before !== null && !isSingleHan(before) && !isSingleHan(word)) count(pairs, [before, word], words)
      before = word
    }
  }
  const isTerm = ({ stems, count: together }: Term) =>
    together >= MIN_PAIR_COUNT &&
    new Set(stems).size > 1 &&
    together >= MIN_PAIR_SHARE * Math.min(...stems.map((stem) => singles.get(stem)?.count ?? 0))
  // A pair is more specific than its words, so it has more weight.
  const terms = [...pairs.values()].filter(isTerm).map((term) => ({ ...term, count: term.count * 2 }))
  const ranked = [...terms, ...singles.values()].sort((a, b) => b.count - a.count)
  return withoutParts(ranked).map((term) => term.shown)
}

function count(terms: Map<string, Term>, parts: readonly string[], words: Words): void {
  const stems = parts.map((part) => words.stem(part))
  const key = stems.join(' ')
  const isWide = parts.every((part) => /\p{Script=Han}/u.test(part))
  const term = terms.get(key) ?? { shown: parts.join(isWide ? '' : ' '), stems, count: 0 }
  term.count += 1
  terms.set(key, term)
}

/** One character of Chinese is often half a word. */
function isSingleHan(word: string): boolean {
  return /^\p{Script=Han}$/u.test(word)
}

function withoutParts(ranked: readonly Term[]): Term[] {
  const kept: Term[] = []
  for (const term of ranked) {
    const isPart = kept.some(({ stems }) => term.stems.every((stem) => stems.includes(stem)))
    const isTooShort = term.shown.length < 2
    if (!isPart && !isTooShort) kept.push(term)
    if (kept.length === MAX_KEYWORDS) break
  }
  return kept
}
