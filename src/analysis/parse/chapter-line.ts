/** A line that begins a chapter of a plain text, such as `CHAPTER IV. The Return` or `第三章 归来`. */
export interface ChapterLine {
  /** What is counted, in small letters: `chapter`, `第章`; chapters and parts are counted apart. */
  readonly kind: string
  readonly number: number
}

const MAX_LINE_CHARS = 80
const NAMES =
  'chapter|part|book|section|act|canto|letter|kapitel|teil|buch|chapitre|partie|livre|cap[ií]tulo|capitolo|parte|libro|hoofdstuk|deel|глава|часть|книга'
/** After the number: nothing, a mark, or a title that begins with a capital letter. */
const NAMED = new RegExp(
  `^(${NAMES})\\s+(\\d{1,3}|[ivxlc]{1,8}|[a-z]{3,9})(?:\\s*[.:：—–-].*|\\s+[\\p{Lu}"“].*)?$`,
  'iu',
)
const TITLE = /^\S+\s+\S+\s+(\p{Ll})/u
/** A title may follow `章` at once; behind the others it makes another word of them (`第一回合`, `第一节课`). */
const CHINESE =
  /^第\s*([0-9零〇一二两三四五六七八九十百千]{1,8})\s*(?:([章节節回部篇卷集幕])(?:[\s:：、.—–-].*)?|(章)[^\s，。！？]{0,30})$/u
const ROMAN_ALONE = /^([IVXLC]{1,8})\.?$/
const NUMBER_WORDS =
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
    ' ',
  )
const ROMAN: Readonly<Record<string, number>> = { i: 1, v: 5, x: 10, l: 50, c: 100 }
const DIGITS = '零一二三四五六七八九'
const UNITS: Readonly<Record<string, number>> = { 十: 10, 百: 100, 千: 1000 }

/** Reads the beginning of a chapter; null: the line is none. */
export function readChapterLine(text: string): ChapterLine | null {
  const line = text.trim()
  if (line.length > MAX_LINE_CHARS) return null
  const [, numeral = '', other, chapter] = CHINESE.exec(line) ?? []
  const unit = other ?? chapter ?? ''
  if (unit !== '') return toLine(`第${unit}`, /^\d+$/.test(numeral) ? Number(numeral) : fromChinese(numeral))
  const [, roman] = ROMAN_ALONE.exec(line) ?? []
  if (roman !== undefined) return toLine('roman', fromRoman(roman.toLowerCase()))
  const [, name = '', number = ''] = NAMED.exec(line) ?? []
  // The expression does not tell capitals from small letters.
  if (name === '' || TITLE.test(line)) return null
  return toLine(name.toLowerCase(), fromWord(number.toLowerCase()))
}

function toLine(kind: string, number: number | null): ChapterLine | null {
  return number === null || number < 1 ? null : { kind, number }
}

function fromWord(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text)
  const word = NUMBER_WORDS.indexOf(text)
  return word >= 0 ? word + 1 : fromRoman(text)
}

function fromRoman(text: string): number | null {
  const values = text.split('').map((letter) => ROMAN[letter])
  let sum = 0
  for (const [index, value] of values.entries()) {
    if (value === undefined) return null
    sum += value < (values[index + 1] ?? 0) ? -value : value
  }
  return sum
}

function fromChinese(text: string): number | null {
  let [sum, digit] = [0, 0]
  for (const letter of text.replaceAll('〇', '零').replaceAll('两', '二')) {
    const unit = UNITS[letter]
    if (unit === undefined) digit = DIGITS.indexOf(letter)
    else {
      sum += (digit === 0 ? 1 : digit) * unit
      digit = 0
    }
  }
  return sum + digit
}
