import type { GrayImage } from '../../parse/pdf/pdfium.ts'
import { rejected } from '../../parse/office/zip.ts'
import { MAX_PIXELS, type Decode } from '../gray-image.ts'
import { ENTRY_BYTES, findTag, findValues, isLittleEndian } from './tiff-directory.ts'

/**
 * A TIFF whose picture is in tiles, or has its red, green and blue in planes of their own (TIFF 6.0, 15 and planar
 * configuration), neither of which Tesseract's reader takes: each tile or plane is made a TIFF in strips, and decoded alone.
 */

const TAG = {
  width: 256,
  height: 257,
  photometric: 262,
  offsets: 273,
  samples: 277,
  rowsPerStrip: 278,
  lengths: 279,
  planar: 284,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileLengths: 325,
  extraSamples: 338,
} as const
/** What says how points are stored: bits, packing, order, options of fax, predictor, colours, tables of JPEG, formats. */
const COPIED = [258, 259, 262, 266, 277, 292, 293, 317, 320, 338, 339, 347, 530]
const BYTES = new Set([347])
/** Bits, and the format of samples. */
const OF_EACH_SAMPLE = [258, 339]
const SEPARATE = 2
const RGB = 2
const BLACK_IS_ZERO = 1
/** How bright red, green and blue are (ITU-R BT.601). */
const BRIGHTNESS = [0.299, 0.587, 0.114]
const HEADER_BYTES = 8
/** Types of values: four bytes; bytes whose meaning the tag gives. */
const LONG = 4
const UNDEFINED = 7

interface Picture {
  readonly file: Uint8Array
  readonly directory: number
  readonly decode: Decode
}

/** null: the picture is in strips, with the colours of each point together. */
export function decodePieces(file: Uint8Array, directory: number, decode: Decode): GrayImage | null {
  const read = (tag: number) => findTag(file, directory, tag)
  const isTiled = read(TAG.tileWidth) !== null
  const samples = read(TAG.samples) ?? 1
  const isSeparate = read(TAG.planar) === SEPARATE && samples > 1
  if (!isTiled && !isSeparate) return null
  const picture = { file, directory, decode }
  const parts = listParts(picture, isTiled)
  const decodePlane = isTiled ? decodeTiles : decodeStrips
  if (!isSeparate) return decodePlane(picture, parts, {})
  if (read(TAG.photometric) !== RGB)
    throw rejected('its colours are stored in separate planes: save it as RGB')
  const perPlane = Math.ceil(parts.length / samples)
  const planes = BRIGHTNESS.map((_, index) =>
    decodePlane(picture, parts.slice(index * perPlane, (index + 1) * perPlane), { isPlane: true }),
  )
  return mix(planes)
}

function listParts({ file, directory }: Picture, isTiled: boolean): Uint8Array[] {
  const offsets = findValues(file, directory, isTiled ? TAG.tileOffsets : TAG.offsets)
  const lengths = findValues(file, directory, isTiled ? TAG.tileLengths : TAG.lengths)
  if (offsets.length === 0 || offsets.length !== lengths.length) throw rejected('the picture is cut')
  return offsets.map((at, index) => file.subarray(at, at + (lengths[index] ?? 0)))
}

interface Kind {
  /** One colour of the picture, as a picture in grey. */
  readonly isPlane?: boolean
}

function decodeStrips(picture: Picture, parts: readonly Uint8Array[], kind: Kind): GrayImage {
  const read = (tag: number, otherwise: number) => findTag(picture.file, picture.directory, tag) ?? otherwise
  const [width, height] = [read(TAG.width, 0), read(TAG.height, 0)]
  const rowsPerStrip = Math.min(read(TAG.rowsPerStrip, height), height)
  return picture.decode(toStrips(picture, { width, height, rowsPerStrip, parts, ...kind }))
}

function decodeTiles(picture: Picture, parts: readonly Uint8Array[], kind: Kind): GrayImage {
  const read = (tag: number) => findTag(picture.file, picture.directory, tag) ?? 0
  const [width, height] = [read(TAG.width), read(TAG.height)]
  const [tileWidth, tileHeight] = [read(TAG.tileWidth), read(TAG.tileHeight)]
  const across = Math.ceil(width / Math.max(1, tileWidth))
  if (tileWidth * tileHeight > MAX_PIXELS) throw rejected('its tiles are too large')
  if (tileWidth * tileHeight === 0 || parts.length < across * Math.ceil(height / tileHeight))
    throw rejected('the picture is cut')
  const data = new Uint8Array(width * height)
  for (let top = 0; top < height; top += tileHeight) {
    for (let left = 0; left < width; left += tileWidth) {
      const part = parts[(top / tileHeight) * across + left / tileWidth] ?? new Uint8Array()
      const size = { width: tileWidth, height: tileHeight, rowsPerStrip: tileHeight }
      const tile = picture.decode(toStrips(picture, { ...size, parts: [part], ...kind }))
      const shown = Math.min(tileWidth, width - left)
      for (let row = 0; row < Math.min(tileHeight, height - top); row += 1) {
        const from = row * tileWidth
        data.set(tile.data.subarray(from, from + shown), (top + row) * width + left)
      }
    }
  }
  return { width, height, data }
}

interface Strips extends Kind {
  readonly width: number
  readonly height: number
  readonly rowsPerStrip: number
  readonly parts: readonly Uint8Array[]
}

/** A TIFF of one directory, with the same order of bytes: header, data, the values of tags, the directory. */
function toStrips({ file, directory }: Picture, strips: Strips): Uint8Array {
  const copied = COPIED.map((tag) => [tag, findValues(file, directory, tag)] as const)
  const tags = new Map<number, readonly number[]>(copied.filter(([, found]) => found.length > 0))
  let end = HEADER_BYTES
  const offsets = strips.parts.map(({ length }) => (end += length) - length)
  tags.set(TAG.width, [strips.width])
  tags.set(TAG.height, [strips.height])
  tags.set(TAG.offsets, offsets)
  tags.set(TAG.rowsPerStrip, [strips.rowsPerStrip])
  tags.set(
    TAG.lengths,
    strips.parts.map(({ length }) => length),
  )
  if (strips.isPlane === true) {
    tags.set(TAG.samples, [1])
    tags.set(TAG.photometric, [BLACK_IS_ZERO])
    for (const tag of OF_EACH_SAMPLE) tags.set(tag, (tags.get(tag) ?? []).slice(0, 1))
    tags.delete(TAG.extraSamples)
  }
  const written = [...tags].filter(([, values]) => values.length > 0).toSorted(([a], [b]) => a - b)
  return writeTiff(Buffer.concat(strips.parts), written, isLittleEndian(file))
}

interface Tag {
  readonly tag: number
  readonly values: readonly number[]
  readonly isBytes: boolean
  /** With one more where that makes them even. */
  readonly bytes: number
}

function writeTiff(
  data: Buffer,
  values: readonly (readonly [number, readonly number[]])[],
  isLittle: boolean,
): Uint8Array {
  const tags = values.map(([tag, all]): Tag => {
    const isBytes = BYTES.has(tag)
    return { tag, values: all, isBytes, bytes: isBytes ? all.length + (all.length % 2) : all.length * 4 }
  })
  const valuesAt = HEADER_BYTES + data.length + (data.length % 2)
  const directoryAt = tags.reduce((sum, { bytes }) => sum + (bytes > 4 ? bytes : 0), valuesAt)
  const made = new Uint8Array(directoryAt + 2 + tags.length * ENTRY_BYTES + 4)
  const view = new DataView(made.buffer)
  made.set(Buffer.from(isLittle ? 'II' : 'MM', 'latin1'))
  view.setUint16(2, 42, isLittle)
  view.setUint32(4, directoryAt, isLittle)
  made.set(data, HEADER_BYTES)
  view.setUint16(directoryAt, tags.length, isLittle)
  let free = valuesAt
  for (const [index, tag] of tags.entries()) {
    const at = directoryAt + 2 + index * ENTRY_BYTES
    writeTag(view, tag, { at, free, isLittle })
    if (tag.bytes > 4) free += tag.bytes
  }
  return made
}

interface TagPlace {
  readonly at: number
  /** Where its values are written that do not fit into its entry. */
  readonly free: number
  readonly isLittle: boolean
}

function writeTag(
  view: DataView,
  { tag, values, isBytes, bytes }: Tag,
  { at, free, isLittle }: TagPlace,
): void {
  view.setUint16(at, tag, isLittle)
  view.setUint16(at + 2, isBytes ? UNDEFINED : LONG, isLittle)
  view.setUint32(at + 4, values.length, isLittle)
  if (bytes > 4) view.setUint32(at + 8, free, isLittle)
  const from = bytes > 4 ? free : at + 8
  for (const [nth, value] of values.entries()) {
    if (isBytes) view.setUint8(from + nth, value)
    else view.setUint32(from + nth * 4, value, isLittle)
  }
}

function mix(planes: readonly GrayImage[]): GrayImage {
  const [first] = planes
  if (first === undefined) throw rejected('the picture is cut')
  const data = first.data.map((_, at) =>
    planes.reduce((sum, plane, index) => sum + (plane.data[at] ?? 0) * (BRIGHTNESS[index] ?? 0), 0),
  )
  return { width: first.width, height: first.height, data }
}
