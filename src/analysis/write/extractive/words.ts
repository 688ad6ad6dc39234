import { stemmer } from 'stemmer'
import * as stopwordLists from 'stopword'
import { wordsIn } from '../../pieces.ts'

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
  ar: stopwordLists.ara,
  cs: stopwordLists.ces,
  da: stopwordLists.dan,
  el: stopwordLists.ell,
  fa: stopwordLists.fas,
  fi: stopwordLists.fin,
  he: stopwordLists.heb,
  hi: stopwordLists.hin,
  hu: stopwordLists.hun,
  id: stopwordLists.ind,
  ko: stopwordLists.kor,
  no: stopwordLists.nob,
  ro: stopwordLists.ron,
  th: stopwordLists.tha,
  tr: stopwordLists.tur,
  uk: stopwordLists.ukr,
  vi: stopwordLists.vie,
}
/** Words that carry nothing in reports and that the lists do not know. */
const MORE: Readonly<Record<string, readonly string[]>> = {
  en: 'not no nor never he she they it him them me us what which who whose when where why how there here some any all each every both few more most other such only own same so than too very just into over under again once about between during before after above below up down out off on its his her their our your will however thus therefore also may might can could would since using used use one two many much e.g i.e et al figure table section'.split(
    ' ',
  ),
  zh: '为了 基于 对于 关于 由于 根据 按照 以及 并且 而且 虽然 然而 因此 于是 其他 这些 那些 它们 他们 什么 怎么 为什么 已经 正在 不是 不能 不会 应该 必须 可以 需要 进行 使用 通过 以及 一个 这个 我们 如果 因为 所以 但是 或者 没有 就是 可能 其中 之后 每个 你的 我的 他的 她的 我们的 那么 这样 那样 觉得 然后 时候 其实 不同 各种 一些 一样 非常 应该 个 时 中 上 下 后 前 次 到'.split(
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
    return [...wordsIn(text, this.#segmenter)].map((word) => word.toLowerCase())
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
