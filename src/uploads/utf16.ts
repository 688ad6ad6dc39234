/** UTF-16 without a mark: text has spaces, digits and line ends, whose high byte is 0, and no other zero bytes. */
export function findUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  const head = bytes.subarray(0, 4096)
  const zeros = [0, 0]
  for (const [at, byte] of head.entries()) if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1
  const [even = 0, odd = 0] = zeros
  if (Math.max(even, odd) < Math.max(1, head.length / 200) || Math.min(even, odd) > Math.max(even, odd) / 20)
    return undefined
  const label = odd > even ? 'utf-16le' : 'utf-16be'
  const text = new TextDecoder(label).decode(head.subarray(0, head.length - (head.length % 2)))
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const odds = text.match(/[\u0000-\u0008\ufffd\ufffe\p{Cn}\p{Co}]/gu)?.length ?? 0
  return odds > text.length / 100 ? undefined : label
}

const EASTERN_UTF16 = ['utf-16le', 'utf-16be'] as const
const EASTERN =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\u0000-\u007f\u3000-\u303f\uff00-\uffef]/gu // oxlint-disable-line no-control-regex -- ASCII
const EASTERN_MARKS = /[\u3001\u3002\uff0c\n ]/g

/** Chinese, Japanese and Korean in UTF-16 have no zero bytes, and marks of their own between the characters. */
function isEasternText(bytes: Uint8Array, label: string): boolean {
  const head = bytes.subarray(0, 4096)
  const text = new TextDecoder(label).decode(head.subarray(0, head.length - (head.length % 2)))
  const marks = text.match(EASTERN_MARKS)?.length ?? 0
  return (text.match(EASTERN)?.length ?? 0) >= text.length * 0.98 && marks > text.length / 60
}

/** UTF-16 without a mark whose text is Chinese, Japanese or Korean. Only for what is no valid UTF-8: pairs of letters look like it. */
export function findEasternUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  return bytes.length % 2 === 0 ? EASTERN_UTF16.find((label) => isEasternText(bytes, label)) : undefined
}
