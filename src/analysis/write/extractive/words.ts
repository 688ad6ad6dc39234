import { stemmer } from 'stemmer'
import * as stopwordLists from 'stopword'
import { cutPieces, wordsIn } from '../../pieces.ts'
import { isWideLanguage } from '../unspaced-language.ts'

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
  es: 'es son ser fue está están hay puede pueden debe cada'.split(' '),
  fr: 'ci là est sont être ont peut tout toute tous toutes dessous dessus'.split(' '),
  th: 'สำหรับ ใช้ คุณ เรา ซึ่ง สามารถ เพื่อ คำ สอง'.split(' '),
  zh: '为了 基于 对于 关于 由于 根据 按照 以及 并且 而且 虽然 然而 因此 于是 其他 这些 那些 它们 他们 什么 怎么 为什么 已经 正在 不是 不能 不会 应该 必须 可以 需要 进行 使用 通过 以及 一个 这个 我们 如果 因为 所以 但是 或者 没有 就是 可能 其中 之后 每个 你的 我的 他的 她的 我们的 那么 这样 那样 觉得 然后 时候 其实 不同 各种 一些 一样 非常 应该 个 时 中 上 下 后 前 次 到'.split(
    ' ',
  ),
}

/** A word of a run of content words. */
export interface Token {
  /** As it is written. */
  readonly text: string
  /** What all its forms have in common. */
  readonly stem: string
  /** Whether it begins a sentence. */
  readonly isFirst: boolean
  /** What stands between it and the word before. */
  readonly glue: ' ' | '-'
}

const MAX_PIECE_CHARS = 500
const ADDRESS =
  /\b(?:https?:|www\.)\S+|(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?<![^\s(])[\w.~-]*\/[\w./-]+/g
/** Of programs and addresses, in texts of any language. */
const CODE_WORDS = new Set(
  'nbsp amp quot lt gt http https www com org html htm php url npm npx import export return const var def null true false void int str async await'.split(
    ' ',
  ),
)
/** `the gate's` */
const POSSESSIVE = /['’]s?$/
const KOREAN_PARTICLE =
  /(?<=\p{Script=Hangul}{2})(?:에서|으로|까지|부터|에게|께서|은|는|이|가|을|를|의|에|로|와|과|도|만)$/u
/** A verb. */
const KOREAN_VERB = /^\p{Script=Hangul}{2,}다$/u
/** A word of grammar. */
const HIRAGANA = /^\p{Script=Hiragana}{1,4}$/u
const ARABIC_ARTICLE = /^(?:ال|وال|بال|لل)(?=\p{Script=Arabic}{3})/u

/** Splits text of one language into content words, in the form in which they are compared. */
export class Words {
  readonly #segmenter: Intl.Segmenter
  readonly #stopwords: ReadonlySet<string>
  readonly #language: string
  /** Whether the forms of a word have one stem. */
  readonly hasStems: boolean
  /** Whether nouns are capitalised. */
  readonly hasCapitalNouns: boolean
  /** Whether words are short, because they are written without spaces. */
  readonly isUnspaced: boolean

  constructor(language: string) {
    this.#language = language
    this.#segmenter = new Intl.Segmenter(language, { granularity: 'word' })
    this.#stopwords = new Set([...(LISTS[language] ?? []), ...(MORE[language] ?? [])])
    this.hasStems = /^(?:en|zh|ja|th|lo|km)/.test(language)
    this.hasCapitalNouns = language === 'de'
    this.isUnspaced = isWideLanguage(language)
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
    return this.#language === 'en' ? stemmer(word) : word
  }

  /** The content words of a text in runs that no other word and no mark interrupts. */
  runsIn(text: string): Token[][] {
    const runs: Token[][] = [[]]
    let [isFirst, glue]: [boolean, Token['glue']] = [true, ' ']
    for (const piece of cutPieces(text.replace(ADDRESS, ' · '), MAX_PIECE_CHARS)) {
      for (const { segment, isWordLike } of this.#segmenter.segment(piece)) {
        const token = isWordLike === true ? this.#toToken(segment) : null
        if (token !== null) runs.at(-1)?.push({ ...token, isFirst, glue })
        // What belongs to a thing is another thing.
        const isEnd = token === null ? !/^[\s-]+$/.test(segment) : token.text.length < segment.length
        if (isEnd) runs.push([])
        glue = segment === '-' ? '-' : ' '
        if (isWordLike === true) isFirst = false
        else if (/[.!?。！？:：;•·]/.test(segment)) isFirst = true
      }
    }
    return runs.filter(({ length }) => length > 0)
  }

  /** Null: the word is no keyword. */
  #toToken(segment: string): Pick<Token, 'text' | 'stem'> | null {
    const text = this.#withoutEnding(segment)
    const word = text.toLowerCase()
    if (!this.isContent(word) || CODE_WORDS.has(word) || !this.#isNoun(text)) return null
    return { text, stem: this.stem(word.replace(ARABIC_ARTICLE, '')) }
  }

  #withoutEnding(word: string): string {
    if (this.#language === 'en') return word.replace(POSSESSIVE, '')
    return this.#language === 'ko' ? word.replace(KOREAN_PARTICLE, '') : word
  }

  /** False where its form or its script says that a word is none, or is of another language. */
  #isNoun(word: string): boolean {
    if (this.hasCapitalNouns) return /^\p{Lu}/u.test(word)
    if (this.#language === 'ko') return !KOREAN_VERB.test(word)
    if (this.#language === 'ja') return !HIRAGANA.test(word)
    if (this.#language !== 'zh' && HAN.test(word)) return false
    return isLatin(this.#language) || !ENGLISH_STOPWORDS.has(word)
  }
}

const HAN = /\p{Script=Han}/u
const ENGLISH_STOPWORDS = new Set([...stopwordLists.eng, ...(MORE['en'] ?? [])])

/** Whether a language has words in small Latin letters of its own. */
function isLatin(language: string): boolean {
  return !/^(?:zh|ja|ko|th|lo|km|ru|uk|bg|sr|el|ar|fa|he|hi|ur|bn|ta)/.test(language)
}
