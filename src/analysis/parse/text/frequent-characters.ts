/** Ranges of first bytes, both ends in them. */
type Ranges = readonly (readonly [first: number, last: number])[]

/**
 * First bytes of the characters that are frequent in each encoding: marks, syllables, and the first level of ideographs, which
 * their standards put before the rare ones (GB 2312, JIS X 0208, KS X 1001, Big5).
 */
const FREQUENT: Readonly<Record<string, Ranges>> = {
  gb18030: [
    [0xa1, 0xa1],
    [0xa3, 0xa3],
    [0xb0, 0xd7],
  ],
  big5: [
    [0xa1, 0xa3],
    [0xa4, 0xc6],
  ],
  shift_jis: [
    [0x81, 0x83],
    [0x88, 0x97],
  ],
  'euc-jp': [
    [0xa1, 0xa1],
    [0xa3, 0xa5],
    [0xb0, 0xcf],
  ],
  'euc-kr': [
    [0xa1, 0xa1],
    [0xa3, 0xa3],
    [0xb0, 0xc8],
  ],
}

/** Encodings whose characters have one byte or more. */
export const OF_MANY_BYTES: ReadonlySet<string> = new Set([...Object.keys(FREQUENT), 'gbk', 'iso-2022-jp'])

/** Syllables of Japanese, which hardly a text of Japanese is without. */
const KANA: Readonly<Record<string, Ranges>> = { shift_jis: [[0x82, 0x83]], 'euc-jp': [[0xa4, 0xa5]] }
const EXPECTED_KANA_SHARE = 0.2
const WITHOUT_KANA = 0.7
/** Second bytes of Big5 are below 0x80 as well, those of its neighbours are not. */
const EXPECTED_LOW_SHARE = 0.2
/** What is frequent in Korean is a part of what is frequent in Chinese: a text of both is Korean. */
const KOREAN_BONUS = 0.05

/** How well characters of two bytes fit an encoding: the share of those that are frequent in it, about 0 to 1. */
export function frequentShare(bytes: Uint8Array, label: string): number {
  const name = label === 'gbk' ? 'gb18030' : label
  let [all, frequent, kana, low] = [0, 0, 0, 0]
  for (let at = 0; at < bytes.length; at += 1) {
    const [first = 0, second = 0] = bytes.subarray(at, at + 2)
    if (first < 0x80) continue
    all += 1
    // Katakana of half width has one byte, and is seldom met.
    if (name === 'shift_jis' && first >= 0xa1 && first <= 0xdf) continue
    if (isIn(FREQUENT[name], first) && (name !== 'gb18030' || second > 0xa0)) frequent += 1
    if (isIn(KANA[name], first)) kana += 1
    if (second < 0x80) low += 1
    at += 1
  }
  if (all === 0) return 0
  const share = frequent / all
  if (name === 'big5') return share * Math.min(1, low / all / EXPECTED_LOW_SHARE)
  if (name === 'euc-kr') return share + KOREAN_BONUS
  if (KANA[name] === undefined) return share
  return share * (WITHOUT_KANA + (1 - WITHOUT_KANA) * Math.min(1, kana / all / EXPECTED_KANA_SHARE))
}

function isIn(ranges: Ranges = [], byte: number): boolean {
  return ranges.some(([first, last]) => byte >= first && byte <= last)
}
