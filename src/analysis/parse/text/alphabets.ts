/** Letters beside those of ASCII, in lower case, of languages that are written in encodings of one byte. */
const ALPHABETS = [
  'áéíóúüñ', // Spanish
  'àâæçéèêëîïôœùûüÿ', // French
  'äöüß', // German
  'àáâãçéêíóôõúü', // Portuguese
  'àèéìíîòóùú', // Italian
  'áàäéèëïíöóüúñçêâû', // Dutch
  'åäöéü', // Swedish, Finnish
  'æøåéòôüö', // Danish, Norwegian
  'áðéíóúýþæö', // Icelandic
  'ąćęłńóśźż', // Polish
  'áčďéěíňóřšťúůýž', // Czech
  'áäčďéíĺľňóôŕšťúýž', // Slovak
  'áéíóöőúüű', // Hungarian
  'ăâîșşțţ', // Romanian
  'čćđšž', // Croatian, Slovene
  'çğıöşüâîû', // Turkish
  'āčēģīķļņšūž', // Latvian
  'ąčęėįšųūž', // Lithuanian
  'äõöüšž', // Estonian
  'абвгдеёжзийклмнопрстуфхцчшщъыьэюя', // Russian
  'абвгґдеєжзиіїйклмнопрстуфхцчшщьюя', // Ukrainian
  'абвгдежзийклмнопрстуфхцчшщъьюяѝ', // Bulgarian
  'абвгдђежзијклљмнњопрстћуфхцчџш', // Serbian
  'αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ', // Greek
  'אבגדהוזחטיךכלםמןנסעףפץצקרשת', // Hebrew
  'ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ', // Arabic, Persian
].map((letters) => new Set(letters))

const NOT_ASCII = /[^\u0000-\u007f]/gu // oxlint-disable-line no-control-regex -- ASCII
/**
 * What a wrong table makes of a word: a sign between small letters, a capital behind one, letters of another script in the middle
 * of a word, a quotation mark for the first letter of a Greek word, a final letter of Hebrew in the middle, or a point without one.
 */
const ODD_WORD = new RegExp(
  [
    String.raw`\p{Ll}(?:[\p{Lu}--[A-Z]]|[\p{Lu}\p{Sc}\p{Sk}\p{So}¡-¿×÷]\p{Ll})`,
    String.raw`[A-Za-z](?=\p{Script=Cyrillic}|\p{Script=Greek}|\p{Script=Hebrew}|\p{Script=Arabic})`,
    String.raw`(?<![\p{L}\p{N}])’\p{Script=Greek}`,
    String.raw`[ךםןףץ](?=[א-ת])|(?<!\p{Script=Hebrew})[\u0591-\u05c7]`,
  ].join('|'),
  'gv',
)
/** Marks and punctuation of any language. */
const COMMON = /[\u00a0«»“”„‘’‚…–—•·°§©®™€£№¿¡،؛؟\u200e\u200f\p{M}]/u

/** The share of characters beside ASCII that one language knows, at the best; less for words that no language has. 0 to 1. */
export function alphabetShare(text: string): number {
  const found = text.toLowerCase().match(NOT_ASCII) ?? []
  const letters = found.filter((char) => !COMMON.test(char))
  if (letters.length === 0) return found.length === 0 ? 0 : 0.9
  const shares = ALPHABETS.map((known) => letters.filter((char) => known.has(char)).length / letters.length)
  const odd = (text.match(ODD_WORD)?.length ?? 0) / letters.length
  return Math.max(...shares) * Math.max(0, 1 - odd)
}

const THAI = /[\u0e00-\u0e7f]/gu
const THAI_MARKS = /[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]/gu
/** A vowel above or below its consonant, or a mark of tone, that stands after neither. */
const MISPLACED_MARK =
  /(?<![\u0e01-\u0e2e\u0e31\u0e34-\u0e3a\u0e47-\u0e4e])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]/gu

/** How well a text reads as Thai: 1 where its marks stand where they belong, 0 where it is none. */
export function thaiShare(text: string): number {
  const others = text.match(NOT_ASCII)?.length ?? 0
  const thai = text.match(THAI)?.length ?? 0
  const marks = text.match(THAI_MARKS)?.length ?? 0
  const misplaced = text.match(MISPLACED_MARK)?.length ?? 0
  const isThai = others > 0 && thai / others > 0.9 && marks / thai > 0.1 && misplaced / marks < 0.05
  return isThai ? 1 : 0
}
