import { isWideLanguage } from '../unspaced-language.ts'

const MIN_HAN = 9
const MAX_WIDE_CHARS = 200
const MIN_WORDS = 6
/** Korean puts into endings what others say with words. */
const MIN_KOREAN_WORDS = 4
const MAX_WORDS = 70
/** Of a Thai sentence: letters and the signs on them. */
const MIN_THAI_CHARS = 20
const MAX_THAI_CHARS = 300
/** Signs of code, formulas, arrows and measures: not prose. */
const NOT_PROSE =
  /·.*·|[{}<>=|\\→←↔≈×÷$]|::|\/\/|https?:|\w\(\)|\.{4,}|(?:^|\s)[\w./-]+\.(?:py|ts|js|sh|md|json|env)\b/
/** Also of Hindi, Urdu, Arabic, Ethiopic, Armenian and Burmese. */
const END = /[.!?。！？…।॥۔؟።։။]["”’»」』）)]*$/u

/** Whether sentences end with a mark: Thai, Lao and Khmer put a space. */
export function hasFullStops(language: string): boolean {
  return !/^(?:th|lo|km)\b/.test(language)
}

/** Whether a piece reads as one whole sentence of prose. */
export function isWhole(text: string, language: string): boolean {
  if (NOT_PROSE.test(text)) return false
  if (!hasFullStops(language)) return isWholeThai(text)
  if (!END.test(text)) return false
  return isWideLanguage(language) ? isWholeWide(text) : isWholeSpaced(text, language)
}

/** Pieces between spaces, short ones together with the next. */
export function splitBySpaces(text: string): string[] {
  const pieces: string[] = []
  let open = ''
  for (const piece of text.split(/\s+/)) {
    open = open === '' ? piece : `${open} ${piece}`
    if (open.length < MIN_THAI_CHARS) continue
    pieces.push(open)
    open = ''
  }
  return open === '' ? pieces : [...pieces, open]
}

function isWholeThai(text: string): boolean {
  const isLength = text.length >= MIN_THAI_CHARS && text.length <= MAX_THAI_CHARS
  return isLength && countLetters(text) >= text.length * 0.65
}

function isWholeWide(text: string): boolean {
  const han = text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu)?.length ?? 0
  // A label with its value is no sentence, nor is a row of nouns.
  const isLabelled = /^[^，。]{1,14}[：:]\s*[^，。]{0,14}。?$|^[^，。：:]{1,10}[：:][^。]{0,12}。?$/u.test(
    text,
  )
  const isRow = !text.includes('，') && (text.match(/、/g)?.length ?? 0) >= 2
  const isLongEnough = han >= MIN_HAN && han >= text.length * 0.4
  return isLongEnough && text.length <= MAX_WIDE_CHARS && !isLabelled && !isRow
}

function isWholeSpaced(text: string, language: string): boolean {
  const words = text.split(/\s+/)
  const startsWell = /^["“‘'([]?[\p{Lu}\p{Lo}\p{N}]/u.test(text)
  const capitals = words.filter((word) => /^\p{Lu}/u.test(word)).length
  return (
    startsWell &&
    words.length >= (language === 'ko' ? MIN_KOREAN_WORDS : MIN_WORDS) &&
    words.length <= MAX_WORDS &&
    countLetters(text) >= text.length * 0.65 &&
    // Names in a row: an author list, a menu, a reference.
    capitals <= words.length * 0.6
  )
}

function countLetters(text: string): number {
  return text.match(/[\p{L}\p{M}]/gu)?.length ?? 0
}
