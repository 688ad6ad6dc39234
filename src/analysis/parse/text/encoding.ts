import { findEasternUtf16, findUtf16 } from '../../../uploads/utf16.ts'
import {
  CONTROLS,
  decodeStrictly,
  findEncoding,
  findLikelier,
  GUESS_BYTES,
  guessEncoding,
} from './guess-encoding.ts'
import { OF_MANY_BYTES } from './frequent-characters.ts'

export interface DecodedText {
  readonly text: string
  /** What a reader of the report should know: that the encoding was guessed, or characters were lost. */
  readonly warnings: readonly string[]
}

const META_CHARSET = /<meta[^>]{1,1000}charset\s{0,100}=\s{0,100}["']?\s{0,100}([\w-]{1,40})/i
const META_WITHIN = 2048
/** UTF-8 stays UTF-8 when at most this share of what is not ASCII is damaged. */
const MAX_DAMAGED_SHARE = 0.1
/** What servers and editors declare without a look at the text: it is checked, because every text can be decoded by it. */
const DEFAULT_LABEL = 'windows-1252'
const ISO_2022_JP = 'iso-2022-jp'
interface Hint {
  /** The charset of the content type; null when there is none. */
  readonly charset?: string | null
  /** Whether the text may declare its encoding, as a page does. */
  readonly isMarkup?: boolean
}

/**
 * Decodes text: by its byte order mark; as UTF-8 where it is valid, also where another encoding is declared; by the declared
 * encoding where that fits (HTML standard, 13.2.3: a page cannot declare UTF-16); as UTF-8 with a few damaged characters; else
 * by the best guess.
 */
export function decodeText(bytes: Uint8Array, hint: Hint = {}): DecodedText {
  const { text, warnings } = decode(bytes, hint)
  const zeros = text.match(ZERO)?.length ?? 0
  if (zeros === 0) return { text, warnings }
  const what = zeros === 1 ? '1 zero character' : `${zeros} zero characters`
  return { text, warnings: [...warnings, `The text holds ${what}: the file may be damaged.`] }
}

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const ZERO = /\u0000/g

function decode(bytes: Uint8Array, { charset = null, isMarkup = false }: Hint): DecodedText {
  const wholes = decodeUtf32(bytes)
  if (wholes !== null) return { text: wholes, warnings: [] }
  const mark = findByteOrderMark(bytes)
  if (mark !== undefined) return lossy(bytes, mark)
  const wide = findUtf16(bytes)
  if (wide !== undefined) return guessed(bytes, wide)
  const isJis = hasJisEscapes(bytes)
  const strict = isJis ? null : decodeStrictly(bytes, 'utf-8')
  if (strict !== null) return { text: strict, warnings: [] }
  const declared = findEncoding(charset) ?? (isMarkup ? findMetaCharset(bytes) : undefined)
  if (isJis && declared !== ISO_2022_JP) return guessed(bytes, ISO_2022_JP)
  const byDeclaration = declared === undefined ? null : decodeStrictly(bytes, declared)
  if (byDeclaration !== null && !CONTROLS.test(byDeclaration)) {
    const better = declared === DEFAULT_LABEL ? findLikelier(bytes, declared) : undefined
    return better === undefined ? { text: byDeclaration, warnings: [] } : guessed(bytes, better)
  }
  if (isJis) return lossy(bytes, ISO_2022_JP)
  const eastern = findEasternUtf16(bytes)
  if (eastern !== undefined) return guessed(bytes, eastern)
  if (isDamagedUtf8(bytes)) return lossy(bytes, 'utf-8')
  if (declared !== undefined && OF_MANY_BYTES.has(declared)) return lossy(bytes, declared)
  return guessed(bytes, guessEncoding(bytes))
}

/** Decodes what can be decoded, with a warning about the rest. */
function lossy(bytes: Uint8Array, label: string): DecodedText {
  const text = new TextDecoder(label).decode(bytes)
  const lost = text.match(/\ufffd/g)?.length ?? 0
  const what = lost === 1 ? '1 character' : `${lost} characters`
  const warning = `${what} of the text could not be decoded (${label}).`
  return { text, warnings: lost === 0 ? [] : [warning] }
}

function guessed(bytes: Uint8Array, label: string): DecodedText {
  const { text, warnings } = lossy(bytes, label)
  return { text, warnings: [`The encoding of the text was guessed: ${label}.`, ...warnings] }
}

/** UTF-32 by its byte order mark, which `TextDecoder` does not know; null: it is something else. */
function decodeUtf32(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isLittle = bytes.length >= 4 && view.getUint32(0, true) === BYTE_ORDER_MARK
  const isBig = bytes.length >= 4 && view.getUint32(0) === BYTE_ORDER_MARK
  if (!isLittle && !isBig) return null
  const pieces: string[] = []
  for (let at = 4; at + 4 <= bytes.length; at += 4) {
    const point = view.getUint32(at, isLittle)
    pieces.push(String.fromCodePoint(point <= MAX_CODE_POINT ? point : REPLACEMENT))
  }
  return pieces.join('')
}
const BYTE_ORDER_MARK = 0xfeff
const MAX_CODE_POINT = 0x10ffff
const REPLACEMENT = 0xfffd

export function findByteOrderMark(bytes: Uint8Array): string | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8'
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  return undefined
}

/** ISO-2022-JP is ASCII that switches by escape sequences. */
function hasJisEscapes(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, GUESS_BYTES))
  return head.includes('\u001b$B') || head.includes('\u001b$@')
}

/** Whether most of what is not ASCII is valid UTF-8. */
function isDamagedUtf8(bytes: Uint8Array): boolean {
  const text = new TextDecoder('utf-8').decode(bytes.subarray(0, GUESS_BYTES))
  const wide = text.match(/[^\u0000-\u007f]/gu)?.length ?? 0 // oxlint-disable-line no-control-regex -- ASCII
  const lost = text.match(/\ufffd/g)?.length ?? 0
  return wide > lost && lost <= Math.max(1, wide * MAX_DAMAGED_SHARE)
}

function findMetaCharset(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, META_WITHIN)).toString('latin1')
  const label = findEncoding(META_CHARSET.exec(head)?.[1])
  if (label?.startsWith('utf-16') === true) return 'utf-8'
  return label === 'x-user-defined' ? 'windows-1252' : label
}
