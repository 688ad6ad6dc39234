import { detect, detectAll } from 'tinyld'

const SAMPLE_CHARS = 5000
const HAN = /\p{Script=Han}/gu
const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/gu
const HANGUL = /\p{Script=Hangul}/gu
const LETTER = /\p{L}/gu
/** Technical Chinese is full of Latin names; from this share of Han letters on a text is Chinese. */
const MIN_HAN_SHARE = 0.15

const LATIN = /\p{Script=Latin}/gu
/** Languages that the detector knows, and no document is in: short texts would be taken for them. */
const IMPOSSIBLE = new Set(['tlh', 'vo', 'eo', 'ber', 'rn', 'la'])
/** Below this a text in Latin letters is too short, or too mixed, to be sure of its language. */
const MIN_ACCURACY = 0.15

/** ISO 639-1 code of the language of a text; `en` when it cannot be detected. */
export function detectLanguage(text: string): string {
  const sample = text.slice(0, SAMPLE_CHARS)
  const share = (script: RegExp) => (sample.match(script)?.length ?? 0) / (sample.match(LETTER)?.length ?? 1)
  if (share(KANA) > 0.1) return 'ja'
  if (share(HANGUL) > 0.1) return 'ko'
  if (share(HAN) > MIN_HAN_SHARE) return 'zh'
  // Numbers and signs are of no language, and the detector takes some for one.
  const words = sample.replace(/[\p{N}\p{S}|/-]+/gu, ' ')
  const found = detect(words) || 'en'
  const accuracy = detectAll(words).find(({ lang }) => lang === found)?.accuracy ?? 0
  const isSure = !IMPOSSIBLE.has(found) && (accuracy >= MIN_ACCURACY || share(LATIN) < 0.5)
  return isSure ? found : 'en'
}
