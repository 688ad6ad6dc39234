import { rejected } from '../parse/office/zip.ts'
import { findFraction, findTag, isTiff, listDirectories } from './tiff/tiff-directory.ts'

/** What the beginning of a picture says of it, before its points are unpacked. */
export interface PictureHead {
  readonly width: number
  readonly height: number
  /** How the camera was held, 1 to 8 as EXIF counts it; 1: upright, or it does not say. */
  readonly orientation: number
  /** How many times as high as wide its points are; absent: about as high. */
  readonly stretch?: number
}

const UPRIGHT = 1
const ORIENTATION_TAG = 0x0112
const WIDTH_TAG = 0x0100
const HEIGHT_TAG = 0x0101
/** Points for each unit of length, across and down. */
const RESOLUTION_TAGS = [0x011a, 0x011b] as const
/** A fax in the usual quality has 204 and 98 points an inch; 204 and 196 are nearly the same. */
const MIN_STRETCH = 1.2
const MAX_STRETCH = 4

/** @throws TaskError `input_rejected` when it does not say how large it is. */
export function readPictureHead(bytes: Uint8Array): PictureHead {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const head = readHead(file)
  if (head === null) throw rejected('it does not say how many points it has')
  return head
}

function readHead(file: Buffer): PictureHead | null {
  if (isTiff(file)) return readTiffHead(file)
  if (file.toString('latin1', 1, 4) === 'PNG') return readPngHead(file)
  if (file.toString('latin1', 8, 12) === 'WEBP') return readWebpHead(file)
  return file.length > 2 && file.readUInt16BE(0) === 0xffd8 ? readJpegHead(file) : null
}

/** Its points are turned by who unpacks it. */
function readTiffHead(file: Buffer): PictureHead | null {
  const [directory = 0] = listDirectories(file)
  const [width, height] = [findTag(file, directory, WIDTH_TAG), findTag(file, directory, HEIGHT_TAG)]
  if (width === null || height === null) return null
  const [across, down] = RESOLUTION_TAGS.map((tag) => findFraction(file, directory, tag))
  const stretch = (across ?? 0) / (down ?? 0)
  const isFlat = stretch >= MIN_STRETCH && stretch <= MAX_STRETCH
  return { width, height, orientation: UPRIGHT, ...(isFlat ? { stretch } : {}) }
}

/** IHDR is the first chunk; `eXIf` may stand anywhere. */
function readPngHead(file: Buffer): PictureHead | null {
  if (file.length < 24) return null
  const size = { width: file.readUInt32BE(16), height: file.readUInt32BE(20) }
  let at = 8
  while (at + 12 <= file.length) {
    const length = file.readUInt32BE(at)
    if (file.toString('latin1', at + 4, at + 8) === 'eXIf') {
      return { ...size, orientation: readOrientation(file.subarray(at + 8, at + 8 + length)) }
    }
    at += 12 + length
  }
  return { ...size, orientation: UPRIGHT }
}

/** Segments of a JPEG: a mark of two bytes, and a length that counts itself. */
function readJpegHead(file: Buffer): PictureHead | null {
  let orientation = UPRIGHT
  let at = 2
  while (at + 9 <= file.length && file[at] === 0xff) {
    const mark = file[at + 1] ?? 0
    if (mark === 0xff) at += 1
    else if (isFrame(mark)) {
      return { width: file.readUInt16BE(at + 7), height: file.readUInt16BE(at + 5), orientation }
    } else {
      const end = at + 2 + file.readUInt16BE(at + 2)
      const isExif = mark === 0xe1 && file.toString('latin1', at + 4, at + 8) === 'Exif'
      if (isExif) orientation = readOrientation(file.subarray(at + 10, end))
      at = end
    }
  }
  return null
}

/** Marks of frames are C0 to CF, but for tables of codes, extensions and conditions. */
function isFrame(mark: number): boolean {
  return mark >= 0xc0 && mark <= 0xcf && mark !== 0xc4 && mark !== 0xc8 && mark !== 0xcc
}

/** Chunks of a WebP: a name, a length, padded to an even number of bytes. */
function readWebpHead(file: Buffer): PictureHead | null {
  let size: { width: number; height: number } | null = null
  let orientation = UPRIGHT
  let at = 12
  while (at + 8 <= file.length) {
    const [name, length] = [file.toString('latin1', at, at + 4), file.readUInt32LE(at + 4)]
    const body = file.subarray(at + 8, at + 8 + length)
    size ??= readWebpSize(name, body)
    if (name === 'EXIF') orientation = readOrientation(body)
    at += 8 + length + (length % 2)
  }
  return size === null ? null : { ...size, orientation }
}

function readWebpSize(name: string, body: Buffer): { width: number; height: number } | null {
  if (body.length < 10) return null
  if (name === 'VP8X') return { width: body.readUIntLE(4, 3) + 1, height: body.readUIntLE(7, 3) + 1 }
  if (name === 'VP8 ') return { width: body.readUInt16LE(6) & 0x3fff, height: body.readUInt16LE(8) & 0x3fff }
  if (name !== 'VP8L') return null
  const bits = body.readUInt32LE(1)
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
}

/** EXIF is a TIFF without a picture; some writers put a name in front of it here too. */
function readOrientation(exif: Buffer): number {
  const block = exif.toString('latin1', 0, 4) === 'Exif' ? exif.subarray(6) : exif
  if (!isTiff(block)) return UPRIGHT
  const [directory] = listDirectories(block)
  const value = directory === undefined ? null : findTag(block, directory, ORIENTATION_TAG)
  return value !== null && value >= 1 && value <= 8 ? value : UPRIGHT
}
