import { createDecoder, pageOfCharset } from './text/rtf-encoding.ts'

/** A text that a picture draws, in units of the picture. */
interface DrawnText {
  readonly text: string
  readonly x: number
  readonly y: number
  /** null: not known. */
  readonly width: number | null
}

/** A word is drawn in pieces that are as near to each other as this, in widths of a character. */
const PIECE_GAP = 0.3
const MAX_TEXTS = 5000
/** The character set of fonts with signs instead of letters. */
const SYMBOLS = 2

/**
 * The lines of text that a vector picture of Windows draws (MS-EMF, MS-WMF), in their order; empty where it is damaged, or none.
 * A workbook that is embedded in a slide is shown by such a picture.
 */
export function readMetafile(bytes: Buffer): string[] {
  const isEnhanced = bytes.length >= EMF_MARK_AT + 4 && bytes.readUInt32LE(EMF_MARK_AT) === EMF_MARK
  return toLines(isEnhanced ? readEnhanced(bytes) : readOld(bytes))
}

const EMF_MARK = 0x464d4520
const EMF_MARK_AT = 40
const SELECT_OBJECT = 37
const CREATE_FONT_W = 82
const EXT_TEXT_OUT_A = 83
const EXT_TEXT_OUT_W = 84
const SMALL_TEXT_OUT = 108
const NO_RECT = 0x100
const SMALL_CHARS = 0x200
/** Numbers of glyphs of a font, not of characters. */
const GLYPHS = 0x10

function readEnhanced(bytes: Buffer): DrawnText[] {
  const texts: DrawnText[] = []
  /** Whether they have signs instead of letters, by their numbers. */
  const fonts = new Map<number, boolean>()
  let isSymbol = false
  let at = 0
  while (at + 8 <= bytes.length && texts.length < MAX_TEXTS) {
    const [type, size] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)]
    const record = bytes.subarray(at, at + size)
    if (size < 8 || record.length < size) break
    if (type === CREATE_FONT_W && size >= 36)
      fonts.set(record.readUInt32LE(8), record.readUInt8(35) === SYMBOLS)
    if (type === SELECT_OBJECT && size >= 12) isSymbol = fonts.get(record.readUInt32LE(8)) ?? isSymbol
    if ((type === EXT_TEXT_OUT_A || type === EXT_TEXT_OUT_W) && size >= 76 && !isSymbol)
      texts.push(...readText(record, type === EXT_TEXT_OUT_W))
    if (type === SMALL_TEXT_OUT && size >= 36 && !isSymbol) texts.push(...readSmallText(record))
    at += size
  }
  return texts
}

function readText(record: Buffer, isWide: boolean): DrawnText[] {
  const [count, from, options] = [44, 48, 52].map((at) => record.readUInt32LE(at)) as [number, number, number]
  const end = from + count * (isWide ? 2 : 1)
  if ((options & GLYPHS) !== 0 || end > record.length) return []
  const spacesAt = record.readUInt32LE(72)
  const hasSpaces = spacesAt > 0 && spacesAt + 4 * count <= record.length
  const width = hasSpaces ? sum(count, (index) => record.readUInt32LE(spacesAt + 4 * index)) : null
  const text = record.subarray(from, end).toString(isWide ? 'utf16le' : 'latin1')
  return [{ text, x: record.readInt32LE(36), y: record.readInt32LE(40), width }]
}

function readSmallText(record: Buffer): DrawnText[] {
  const [count, options] = [record.readUInt32LE(16), record.readUInt32LE(20)]
  const from = 36 + ((options & NO_RECT) === 0 ? 16 : 0)
  const isWide = (options & SMALL_CHARS) === 0
  const end = from + count * (isWide ? 2 : 1)
  if ((options & GLYPHS) !== 0 || end > record.length) return []
  const text = record.subarray(from, end).toString(isWide ? 'utf16le' : 'latin1')
  return [{ text, x: record.readInt32LE(8), y: record.readInt32LE(12), width: null }]
}

const PLACEABLE = 0x9ac6cdd7
const PLACEABLE_BYTES = 22
const HEADER_BYTES = 18
const CREATE_FONT = 0x02fb
const CHARSET_AT = 19
const OLD_EXT_TEXT_OUT = 0x0a32
/** A rectangle is before the text. */
const HAS_RECT = 0x6

function readOld(bytes: Buffer): DrawnText[] {
  const texts: DrawnText[] = []
  const isPlaceable = bytes.length >= 4 && bytes.readUInt32LE(0) === PLACEABLE
  /** Of the font that was made last: it is the one that is drawn with. */
  let charset = 0
  let at = HEADER_BYTES + (isPlaceable ? PLACEABLE_BYTES : 0)
  while (at + 6 <= bytes.length && texts.length < MAX_TEXTS) {
    const size = bytes.readUInt32LE(at) * 2
    const kind = bytes.readUInt16LE(at + 4)
    const record = bytes.subarray(at, at + size)
    if (size < 6 || record.length < size) break
    if (kind === CREATE_FONT && size > CHARSET_AT) charset = record.readUInt8(CHARSET_AT)
    if (kind === OLD_EXT_TEXT_OUT && size >= 14 && charset !== SYMBOLS)
      texts.push(...readOldText(record, charset))
    at += size
  }
  return texts
}

function readOldText(record: Buffer, charset: number): DrawnText[] {
  const [y, x, count] = [record.readInt16LE(6), record.readInt16LE(8), record.readInt16LE(10)]
  const from = 14 + ((record.readUInt16LE(12) & HAS_RECT) === 0 ? 0 : 8)
  const end = from + count
  if (count < 0 || end > record.length) return []
  const spacesAt = end + (count % 2)
  const hasSpaces = spacesAt + 2 * count <= record.length
  const width = hasSpaces ? sum(count, (index) => record.readInt16LE(spacesAt + 2 * index)) : null
  const text = createDecoder(pageOfCharset(charset) ?? null).decode(record.subarray(from, end))
  return [{ text, x, y, width }]
}

function sum(count: number, read: (index: number) => number): number {
  let total = 0
  for (let index = 0; index < count; index += 1) total += read(index)
  return total
}

/** Texts that follow one another at one height, from left to right, are a line. */
function toLines(texts: readonly DrawnText[]): string[] {
  const lines: string[] = []
  let before: DrawnText | null = null
  for (const drawn of texts) {
    if (before !== null && drawn.y === before.y && drawn.x > before.x)
      lines.push((lines.pop() ?? '') + (isPiece(before, drawn) ? '' : ' ') + drawn.text)
    else lines.push(drawn.text)
    before = drawn
  }
  return lines.map((line) => line.replace(/[\s\0]+/g, ' ').trim()).filter((line) => line !== '')
}

/** Whether a text continues the word that the text before it ends with. */
function isPiece({ text, x, width }: DrawnText, next: DrawnText): boolean {
  if (width === null || text === '') return false
  return next.x - x - width <= (width / text.length) * PIECE_GAP
}
