import { inflateSync } from 'node:zlib'
import type { GrayImage } from '../../parse/pdf/pdfium.ts'
import { rejected } from '../../parse/office/zip.ts'
import type { Decode } from '../gray-image.ts'
import { decodePieces } from './tiff-pieces.ts'
import {
  ENTRY_BYTES,
  findTag,
  findValues,
  isLittleEndian,
  listDirectories,
  toView,
} from './tiff-directory.ts'

/**
 * Tesseract's build of libtiff has no zlib and no libjpeg: a TIFF that is packed by them is unpacked here, in strips.
 * Numbers of tags and of ways to pack are those of TIFF 6.0 and of its technical note 2.
 */
const TAG = {
  width: 256,
  height: 257,
  bits: 258,
  compression: 259,
  offsets: 273,
  rowsPerStrip: 278,
  lengths: 279,
  predictor: 317,
  jpegTables: 347,
  samples: 277,
} as const
const JPEG = 7
const DEFLATE: ReadonlySet<number> = new Set([8, 32946])
const NOT_PACKED = 1
const DIFFERENCES = 2

interface Strips {
  readonly file: Uint8Array
  readonly directory: number
  readonly parts: readonly Uint8Array[]
}

/** Decodes the first picture of a TIFF. */
export function decodeTiff(file: Uint8Array, decode: Decode): GrayImage {
  const [directory = 0] = listDirectories(file)
  const pieces = decodePieces(file, directory, (piece) => decodeTiff(piece, decode))
  if (pieces !== null) return pieces
  const compression = findTag(file, directory, TAG.compression) ?? NOT_PACKED
  const isDeflated = DEFLATE.has(compression)
  if (compression !== JPEG && !isDeflated) return decode(file)
  const parts = findParts(file, directory)
  const strips = { file, directory, parts }
  return isDeflated ? decode(inflateStrips(strips)) : decodeJpegStrips(strips, decode)
}

function findParts(file: Uint8Array, directory: number): Uint8Array[] {
  const offsets = findValues(file, directory, TAG.offsets)
  const lengths = findValues(file, directory, TAG.lengths)
  if (offsets.length === 0 || offsets.length !== lengths.length) {
    throw rejected('the picture is cut')
  }
  return offsets.map((at, index) => file.subarray(at, at + (lengths[index] ?? 0)))
}

/** Each strip is a JPEG of its own, whose tables stand in front of all. */
function decodeJpegStrips({ file, directory, parts }: Strips, decode: Decode): GrayImage {
  const tables = Uint8Array.from(findValues(file, directory, TAG.jpegTables))
  // The marks of begin and end are two bytes each.
  const images = parts.map((part) =>
    decode(tables.length < 4 ? part : Buffer.concat([tables.subarray(0, -2), part.subarray(2)])),
  )
  const width = findTag(file, directory, TAG.width) ?? 0
  if (images.some((image) => image.width !== width)) throw rejected('its strips have different widths')
  const data = Buffer.concat(images.map((image) => image.data))
  return { width, height: data.length / width, data: new Uint8Array(data) }
}

/** The same file, with its strips as one that is not packed, behind the end of the old one. */
function inflateStrips({ file, directory, parts }: Strips): Uint8Array {
  const read = (tag: number, otherwise: number) => findTag(file, directory, tag) ?? otherwise
  const [width, height] = [read(TAG.width, 0), read(TAG.height, 0)]
  const [bits, samples] = [read(TAG.bits, 1), read(TAG.samples, 1)]
  const rowBytes = Math.ceil((width * bits * samples) / 8)
  const rowsPerStrip = Math.min(read(TAG.rowsPerStrip, height), height)
  const strips = parts.map((part) => inflatePart(part, rowsPerStrip * rowBytes))
  const points = Buffer.concat(strips)
  if (points.length < rowBytes * height) throw rejected('the picture is cut')
  if (read(TAG.predictor, NOT_PACKED) === DIFFERENCES)
    addDifferences(points, { rowBytes, step: samples, bits })
  const made = new Uint8Array(Buffer.concat([file, points]))
  const replace = (tag: number, value: number) => replaceTag(made, { directory, tag, value })
  replace(TAG.compression, NOT_PACKED)
  replace(TAG.predictor, NOT_PACKED)
  replace(TAG.offsets, file.length)
  replace(TAG.lengths, points.length)
  replace(TAG.rowsPerStrip, height)
  return made
}

function inflatePart(part: Uint8Array, maxOutputLength: number): Buffer {
  try {
    return inflateSync(part, { maxOutputLength })
  } catch (error) {
    throw rejected('the picture is damaged', error)
  }
}

/** Each sample is stored as its difference to the same one of the point before, within its row. */
function addDifferences(points: Buffer, row: { rowBytes: number; step: number; bits: number }): void {
  if (row.bits !== 8) throw rejected(`samples of ${row.bits} bits are not read: save it with 8 bits`)
  for (let start = 0; start + row.rowBytes <= points.length; start += row.rowBytes) {
    for (let at = start + row.step; at < start + row.rowBytes; at += 1) {
      points[at] = (points[at] ?? 0) + (points[at - row.step] ?? 0)
    }
  }
}

/** Writes one long in the place of the values of a tag, if the directory has it. */
function replaceTag(
  file: Uint8Array,
  { directory, tag, value }: { directory: number; tag: number; value: number },
): void {
  const [view, isLittle] = [toView(file), isLittleEndian(file)]
  const entries = view.getUint16(directory, isLittle)
  for (let index = 0; index < entries; index += 1) {
    const at = directory + 2 + index * ENTRY_BYTES
    if (view.getUint16(at, isLittle) !== tag) continue
    view.setUint16(at + 2, 4, isLittle)
    view.setUint32(at + 4, 1, isLittle)
    view.setUint32(at + 8, value, isLittle)
  }
}
