/** Tried in this order when a file is neither marked nor valid UTF-8; the least damage wins. */
const GUESSES = ['gb18030', 'big5', 'shift_jis', 'windows-1252'] as const
const GUESS_BYTES = 64 * 1024
const META_CHARSET = /<meta[^>]+charset\s*=\s*["']?\s*([\w-]+)/i
const META_WITHIN = 2048

/**
 * Decodes text: byte order mark, then the charset of the content type, then the declaration of the page, then strict
 * UTF-8, then the best guess.
 */
export function decodeText(bytes: Uint8Array, charset: string | null = null): string {
  const label = findByteOrderMark(bytes) ?? detectEncoding(charset) ?? findMetaCharset(bytes)
  if (label !== undefined) return new TextDecoder(label).decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder(guessEncoding(bytes)).decode(bytes)
  }
}

function findByteOrderMark(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8'
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return undefined
}

function findMetaCharset(bytes: Uint8Array): string | undefined {
  return detectEncoding(
    META_CHARSET.exec(Buffer.from(bytes.subarray(0, META_WITHIN)).toString('latin1'))?.[1],
  )
}

function detectEncoding(label: string | null | undefined): string | undefined {
  if (label === null || label === undefined) return undefined
  try {
    return new TextDecoder(label).encoding
  } catch {
    return undefined
  }
}

function guessEncoding(bytes: Uint8Array): string {
  const head = bytes.subarray(0, GUESS_BYTES)
  const damage = GUESSES.map((label) => ({ label, count: findDamage(new TextDecoder(label).decode(head)) }))
  return damage.reduce((best, next) => (next.count < best.count ? next : best)).label
}

/** Replacement, private-use and control characters: what a wrong table makes of text. */
function findDamage(text: string): number {
  return text.match(/[\ufffd\p{Co}\p{Cn}]|[\x80-\x9f]/gu)?.length ?? 0
}
