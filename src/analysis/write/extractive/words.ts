import { stemmer } from 'stemmer'
import * as stopwordLists from 'stopword'

/** The library names its lists by ISO 639-3. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  en: stopwordLists.eng,
  zh: stopwordLists.zho,
  de: stopwordLists.deu,
  fr: stopwordLists.fra,
  es: stopwordLists.spa,
  it: stopwordLists.ita,
  pt: stopwordLists.por,
  nl: stopwordLists.nld,
  ru: stopwordLists.rus,
  ja: stopwordLists.jpn,
  pl: stopwordLists.pol,
  sv: stopwordLists.swe,
}
/** Words that carry nothing in reports and that the lists do not know. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  en: 'its his her their our your will however thus therefore also may might can could would since using used use one two many much e.g i.e et al figure table section'.split(
    ' ',
  ),
  zh: '可以 需要 进行 使用 通过 以及 一个 这个 我们 如果 因为 所以 但是 或者 没有 就是 可能 其中 之后 每个 个 时 中 上 下 后 前 次 到'.split(
    ' ',
  ),
}

/** Splits text of one language into content words, in the form in which they are compared. */
export class Words {
  readonly #segmenter: Intl.Segmenter
  readonly #stopwords: ReadonlySet<string>
  readonly #isEnglish: boolean

  constructor(language: string) {
    this.#segmenter = new Intl.Segmenter(language, { granularity: 'word' })
    this.#stopwords = new Set([...(LISTS[language] ?? []), ...(MORE[language] ?? [])])
    this.#isEnglish = language === 'en'
  }

  /** Every word unchanged, in lower case. */
  of(text: string): string[] {
    const words: string[] = []
    for (const { segment, isWordLike } of this.#segmenter.segment(text)) {
      if (isWordLike === true) words.push(segment.toLowerCase())
    }
    return words
  }

  /** Whether a word is significant: no stop word, no number, no single Latin letter. */
  isContent(word: string): boolean {
    return (
      !this.#stopwords.has(word) && /\p{L}/u.test(word) && (word.length > 1 || /\p{Script=Han}/u.test(word))
    )
  }

  stem(word: string): string {
    return this.#isEnglish ? stemmer(word) : word
  }
}
