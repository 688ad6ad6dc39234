/**
 * UTF-16 without a mark: text has spaces, digits and line ends, whose high byte is 0. Other zero bytes are the low ones of a few
 * Chinese and Korean characters, such as U+4E00 and U+AC00.
 */
export function findUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const head = bytes.subarray(0, HEAD_BYTES)
  const zeros = [0, 0]
  for (const [at, byte] of head.entries()) if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1
  const [even = 0, odd = 0] = zeros
  const [least, most] = [Math.min(even, odd), Math.max(even, odd)]
  if (most < Math.max(1, head.length / 200)) return undefined
  if (least > most / 20) return findEasternUtf16(bytes)
  const label = odd > even ? 'utf-16le' : 'utf-16be'
  const odds = decodeHead(head, label).match(ODD_CHARS)?.length ?? 0
  return odds > head.length / 200 ? undefined : label
}

const HEAD_BYTES = 4096
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const ODD_CHARS = /[\u0000-\u0008\ufffd\ufffe\p{Cn}\p{Co}]/gu

function decodeHead(head: Uint8Array, label: string): string {
  return new TextDecoder(label).decode(head.subarray(0, head.length - (head.length % 2)))
}

const EASTERN_UTF16 = ['utf-16le', 'utf-16be'] as const
const EASTERN =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\t\n\r\u0020-\u007e\u2010-\u206f\u2100-\u214f\u3000-\u303f\uff00-\uffef]/gu
const EASTERN_MARKS = /[\u3001\u3002\uff0c\n ]/g

/** Chinese, Japanese and Korean in UTF-16 have no zero bytes, and marks of their own between the characters. */
function isEasternText(bytes: Uint8Array, label: string): boolean {
  const text = decodeHead(bytes.subarray(0, HEAD_BYTES), label)
  const marks = text.match(EASTERN_MARKS)?.length ?? 0
  return (text.match(EASTERN)?.length ?? 0) >= text.length * 0.98 && marks > text.length / 60
}

/** UTF-16 without a mark whose text is Chinese, Japanese or Korean. Only for what is no valid UTF-8: pairs of letters look like it. */
export function findEasternUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  return bytes.length % 2 === 0 ? EASTERN_UTF16.find((label) => isEasternText(bytes, label)) : undefined
}
