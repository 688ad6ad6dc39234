import { cutPieces } from '../../pieces.ts'
import type { Token, Words } from './words.ts'

const MAX_KEYWORDS = 10
const MAX_TERM_WORDS = 4
const MAX_UNSPACED_TERM_WORDS = 7
/** A group of words is more specific than its words. */
const GROUP_WEIGHT = 2
/** A longer term takes the place of one that it holds when it occurs as often as this. */
const MIN_LONGER_SHARE = 0.6
/** Words are a term when they occur together at least this often. */
const MIN_TERM_COUNT = 3
/** A term has to make up this share of its rarest word. */
const MIN_TERM_SHARE = 0.4
/** A term that occurs on its own more seldom than this is a part of a longer one. */
const MIN_ALONE_SHARE = 0.3
/** Words that occur once are keywords only where there are fewer others. */
const LEAST_REPEATED = 5
/** A word that begins with a small letter as often as this is none that is always capitalised. */
const SMALL_SHARE = 0.2
/** Two forms of a word have so many letters in common, and this share of the longer one. */
const MIN_STEM_CHARS = 5
const MIN_STEM_SHARE = 0.7

interface Term {
  readonly stems: readonly string[]
  readonly forms: Map<string, Form>
  count: number
}

interface Form {
  readonly text: string
  count: number
  /** Not at the beginning of a sentence, where every word is capitalised. */
  inside: number
}

/** The words and groups of words that a text comes back to, most often first. */
export function findKeywords(texts: readonly string[], words: Words): string[] {
  const runs = sample(texts).flatMap((text) => words.runsIn(text))
  const singles = new Map<string, Term>()
  for (const run of runs) for (const token of run) count(singles, [token])
  const groups = new Map<string, Term>()
  const isOften = ({ stem }: Token) => (singles.get(stem)?.count ?? 0) >= MIN_TERM_COUNT
  const maxWords = words.isUnspaced ? MAX_UNSPACED_TERM_WORDS : MAX_TERM_WORDS
  for (const run of runs) countGroups(groups, run, { isOften, maxWords })
  const kept = withoutNested([...groups.values()].filter((term) => isTerm(term, singles)))
  const weighted = kept.map((term) => ({ ...term, count: term.count * GROUP_WEIGHT }))
  const alone = words.hasStems ? [...singles.values()] : joinForms([...singles.values()])
  const ranked = [...weighted, ...alone.filter(isWord)].sort((a, b) => b.count - a.count)
  const repeated = ranked.filter((term) => term.count > 1)
  const chosen = choose(repeated.length >= LEAST_REPEATED ? repeated : ranked, words)
  return chosen.map((term) => show(term, words))
}

/** Of a longer text pieces from its beginning to its end. */
function sample(texts: readonly string[]): string[] {
  const pieces = texts.flatMap((text) => [...cutPieces(text, MAX_PIECE_CHARS)])
  const total = pieces.reduce((sum, { length }) => sum + length, 0)
  const step = Math.ceil(total / MAX_CHARS)
  return pieces.filter((_, index) => index % step === 0)
}
const MAX_CHARS = 1_000_000
const MAX_PIECE_CHARS = 5000

function count(terms: Map<string, Term>, tokens: readonly Token[]): void {
  const stems = tokens.map(({ stem }) => stem)
  const key = stems.join(' ')
  const term = terms.get(key) ?? { stems, forms: new Map<string, Form>(), count: 0 }
  const text = join(tokens)
  const form = term.forms.get(text) ?? { text, count: 0, inside: 0 }
  term.count += 1
  form.count += 1
  if (tokens[0]?.isFirst !== true) form.inside += 1
  term.forms.set(text, form)
  terms.set(key, term)
}

/** Only of words that occur often enough to be a term together. */
function countGroups(
  groups: Map<string, Term>,
  run: readonly Token[],
  { isOften, maxWords }: GroupLimits,
): void {
  for (const [from, first] of run.entries()) {
    if (!isOften(first)) continue
    for (let to = from + 1; to < Math.min(run.length, from + maxWords); to += 1) {
      const tokens = run.slice(from, to + 1)
      if (!isOften(tokens.at(-1) as Token)) break
      if (isGroup(tokens)) count(groups, tokens)
    }
  }
}
interface GroupLimits {
  readonly isOften: (token: Token) => boolean
  readonly maxWords: number
}

/** One character of Chinese is often half a word; at the end it may make another word of it, as in 机器人. */
function isGroup(tokens: readonly Token[]): boolean {
  const [last, ...before] = tokens.map(({ text }) => isSingleHan(text)).toReversed()
  if (before.some(Boolean)) return false
  return last !== true || SUFFIX.test(tokens.at(-1)?.text ?? '')
}
const SUFFIX = /^[人器机率性化者员法院部局费金额量力度学家区市省县厂站库网图表数线点期级型类]$/

function isSingleHan(text: string): boolean {
  return /^\p{Script=Han}$/u.test(text)
}

function isTerm({ stems, count: together }: Term, singles: ReadonlyMap<string, Term>): boolean {
  const rarest = Math.min(...stems.map((stem) => singles.get(stem)?.count ?? 0))
  const isRepeated = together >= MIN_TERM_COUNT && new Set(stems).size === stems.length
  return isRepeated && together >= MIN_TERM_SHARE * rarest
}

function isWord({ stems: [stem = ''] }: Term): boolean {
  return stem.length > 1 && !isSingleHan(stem)
}

/** Without those that occur hardly ever but as a part of a longer one. */
function withoutNested(terms: readonly Term[]): Term[] {
  const nested = new Map<string, number>()
  for (const { stems, count: together } of terms) {
    for (let length = 2; length < stems.length; length += 1) {
      for (let from = 0; from + length <= stems.length; from += 1) {
        const part = stems.slice(from, from + length).join(' ')
        nested.set(part, Math.max(nested.get(part) ?? 0, together))
      }
    }
  }
  return terms.filter(
    ({ stems, count: together }) =>
      together - (nested.get(stems.join(' ')) ?? 0) >= MIN_ALONE_SHARE * together,
  )
}

/** `Gesetz` and `Gesetzes` are counted together, as the more frequent one. */
function joinForms(singles: readonly Term[]): Term[] {
  const joined: Term[] = []
  const byBeginning = new Map<string, Term[]>()
  for (const term of singles.toSorted((a, b) => b.count - a.count)) {
    const [stem = ''] = term.stems
    const bucket = byBeginning.get(stem.slice(0, MIN_STEM_CHARS)) ?? []
    const same = bucket.find(({ stems }) => isForm(stems[0] ?? '', stem))
    if (same !== undefined) same.count += term.count
    else {
      const own = { ...term }
      joined.push(own)
      byBeginning.set(stem.slice(0, MIN_STEM_CHARS), [...bucket, own].slice(0, MAX_BUCKET))
    }
  }
  return joined
}
/** Words with the same beginning that are compared. */
const MAX_BUCKET = 20

function isForm(a: string, b: string): boolean {
  let common = 0
  while (common < Math.min(a.length, b.length) && a[common] === b[common]) common += 1
  return a === b || (common >= MIN_STEM_CHARS && common >= MIN_STEM_SHARE * Math.max(a.length, b.length))
}

/** Each has a word that those before it have not. */
function choose(ranked: readonly Term[], words: Words): Term[] {
  const chosen: Term[] = []
  const used: string[] = []
  const isUsed = (stem: string) =>
    used.some((other) => other === stem || (!words.hasStems && isForm(other, stem)))
  for (const term of ranked) {
    if (term.stems.every(isUsed)) continue
    const shorter = chosen.findIndex(
      ({ stems, count: often }) =>
        term.stems.length > stems.length &&
        stems.every((stem) => term.stems.includes(stem)) &&
        term.count / GROUP_WEIGHT >= (MIN_LONGER_SHARE * often) / (stems.length > 1 ? GROUP_WEIGHT : 1),
    )
    if (shorter >= 0) chosen[shorter] = term
    else chosen.push(term)
    used.push(...term.stems)
    if (chosen.length === MAX_KEYWORDS) break
  }
  return chosen
}

/** The most frequent form; with capitals where it has them inside of sentences too. */
function show({ forms }: Term, words: Words): string {
  const sorted = [...forms.values()].sort((a, b) => b.count - a.count)
  const best = sorted[0]?.text ?? ''
  const same = sorted.filter(({ text }) => text.toLowerCase() === best.toLowerCase())
  const small = same.filter(({ text }) => text === text.toLowerCase())
  const total = same.reduce((sum, form) => sum + form.count, 0)
  const isSmall = small.reduce((sum, form) => sum + form.count, 0) >= total * SMALL_SHARE
  const isSure = words.hasCapitalNouns || same.some(({ inside }) => inside > 0)
  const isCapital = same.some(({ text }) => /\p{Lu}.*\p{Lu}/u.test(text))
  return isSmall || (!isSure && !isCapital)
    ? best.toLowerCase()
    : (same.find(({ text }) => text !== text.toLowerCase())?.text ?? best)
}

function join(tokens: readonly Token[]): string {
  return tokens.reduce((sum, { text, glue }) => {
    if (sum === '') return text
    return UNSPACED.test(sum) && UNSPACED.test(text) ? sum + text : sum + glue + text
  }, '')
}
const UNSPACED =
  /^[^\p{Script=Latin}]*[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u
