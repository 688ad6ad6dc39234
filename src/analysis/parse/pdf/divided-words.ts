import { isApart } from '../document.ts'

const DIVIDED = /([\p{L}\p{M}]+)([-\u00ad\u2010])$/u
const CONTINUED = /^[\p{L}\p{M}\p{N}]+/u
const SOFT_HYPHEN = '\u00ad'
/** Words, also those of several parts with hyphens. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:[-\u2010][\p{L}\p{M}\p{N}]+)*/gu
/** As many words of a document begin with `self-` that `self-` at the end of a line is the beginning of another. */
const MIN_COMPOUNDS = 2
/** Shorter words are syllables too: `in`, `form`. */
const MIN_WORD = 4
/** No word has a longer part: what is looked at of a line. */
const MAX_PART = 100

/**
 * Joins the ends of lines with what comes next. A hyphen at an end either divides a word or belongs to it: the document
 * says which, by the words that stand within its lines.
 */
export class DividedWords {
  readonly #words = new Set<string>()
  /** How many different words begin with a part and a hyphen. */
  readonly #beginnings = new Map<string, number>()

  constructor(lines: Iterable<string>) {
    for (const line of lines) for (const [word] of line.matchAll(WORD)) this.#add(toKey(word), line, word)
  }

  /** A paragraph of these lines. */
  join(lines: readonly string[]): string {
    const parts: string[] = []
    for (const line of lines) {
      const before = parts.at(-1)
      if (before === undefined) parts.push(line)
      else parts.splice(-1, 1, this.#seam(before, line), line)
    }
    return parts.join('')
  }

  /** A line with what stands between it and the next one. */
  #seam(before: string, after: string): string {
    const [, first = '', hyphen] = DIVIDED.exec(before.slice(-MAX_PART)) ?? []
    const [second] = CONTINUED.exec(after) ?? []
    if (hyphen === undefined || second === undefined)
      return isApart(before.slice(-2), after) ? `${before} ` : before
    return hyphen === SOFT_HYPHEN || this.#isDivided(first, second) ? before.slice(0, -1) : before
  }

  #add(word: string, line: string, raw: string): void {
    // The first part of a divided word is no word.
    if (line.endsWith(`${raw}-`) || this.#words.has(word)) return
    this.#words.add(word)
    const [beginning = '', ...rest] = word.split('-')
    if (rest.length > 0) this.#beginnings.set(beginning, (this.#beginnings.get(beginning) ?? 0) + 1)
  }

  #isDivided(first: string, second: string): boolean {
    if (this.#words.has(toKey(first + second))) return true
    if (this.#words.has(toKey(`${first}-${second}`))) return false
    if ((this.#beginnings.get(toKey(first)) ?? 0) >= MIN_COMPOUNDS) return false
    return /^\p{Ll}/u.test(second) && !(this.#isWord(first) && this.#isWord(second))
  }

  /** Two words with a hyphen between them are a compound; a syllable is seldom a word of its own. */
  #isWord(part: string): boolean {
    return part.length >= MIN_WORD && this.#words.has(toKey(part))
  }
}

function toKey(word: string): string {
  return word.replaceAll('\u2010', '-').toLowerCase()
}
