import { rejected } from '../parse/office/zip.ts'
import { ORIENTATIONS, type PageImage } from './recognised-page.ts'

/** Pictures say seldom what resolution they have: type of 10 points is about 40 pixels high in a scan of 300 dpi. */
const ASSUMED_DPI = 300
/** The most pictures of one file that are looked at. */
const MAX_PICTURES = 10_000
const TIFF_HEADER_BYTES = 8
const TIFF_ENTRY_BYTES = 12

/** How many pages a picture has: a TIFF may have several, which is how fax machines and scanners write them. */
export function countPictures(bytes: Uint8Array): number {
  return isTiff(bytes) ? listDirectories(bytes).length : 1
}

/** One picture of a file, 1 for the first. A later one of a TIFF is made the first, by the offset in its header. */
export function openPicture(bytes: Uint8Array, page: number): PageImage {
  return {
    bytes: page === 1 ? bytes : moveToFront(bytes, page),
    dpi: ASSUMED_DPI,
    orientation: readOrientation(bytes),
  }
}

function moveToFront(bytes: Uint8Array, page: number): Uint8Array {
  const directory = listDirectories(bytes)[page - 1]
  if (directory === undefined) throw rejected(`it has no page ${page}`)
  const copy = Uint8Array.from(bytes)
  new DataView(copy.buffer).setUint32(4, directory, isLittleEndian(bytes))
  return copy
}

const EXIF_WITHIN = 64 * 1024

/** How a camera held its picture: EXIF's tag 0x0112, a short, in either order of bytes. 1 when it does not say. */
function readOrientation(bytes: Uint8Array): number {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return 1
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, EXIF_WITHIN))
  const big = head.indexOf(Buffer.from([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0]))
  const little = head.indexOf(Buffer.from([0x12, 0x01, 3, 0, 1, 0, 0, 0]))
  const value = big >= 0 ? head[big + 9] : little >= 0 ? head[little + 8] : 1
  return value !== undefined && ORIENTATIONS.includes(value) ? value : 1
}

function isTiff(bytes: Uint8Array): boolean {
  const mark = Buffer.from(bytes.subarray(0, 4)).toString('latin1')
  return mark === 'II*\0' || mark === 'MM\0*'
}

function isLittleEndian(bytes: Uint8Array): boolean {
  return bytes[0] === 0x49
}

/** Offsets of the directories of a TIFF, one for each picture; a chain that leads back into itself ends there. */
function listDirectories(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isLittle = isLittleEndian(bytes)
  const found = new Set<number>()
  let at = bytes.length < TIFF_HEADER_BYTES ? 0 : view.getUint32(4, isLittle)
  while (at !== 0 && at + 2 <= bytes.length && !found.has(at) && found.size < MAX_PICTURES) {
    found.add(at)
    const end = at + 2 + view.getUint16(at, isLittle) * TIFF_ENTRY_BYTES
    at = end + 4 <= bytes.length ? view.getUint32(end, isLittle) : 0
  }
  if (found.size === 0) throw rejected('it has no picture inside')
  return [...found]
}
