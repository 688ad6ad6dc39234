import type { GrayImage } from '../parse/pdf/pdfium.ts'
import { rejected } from '../parse/office/zip.ts'
import { TaskError } from '../../task/failure.ts'
import { blur, despeckle, isBlackAndWhite } from './despeckle.ts'
import { invertDark, isBlank, MAX_PIXELS, resize, toUpright, type Decode } from './gray-image.ts'
import { readPictureHead } from './picture-head.ts'
import { decodePng, isTransparentPng } from './png.ts'
import type { PageImage } from './recognised-page.ts'
import { isLittleEndian, isTiff, listDirectories, toView } from './tiff/tiff-directory.ts'
import { decodeTiff } from './tiff/unpack-tiff.ts'

/** Pictures say seldom what resolution they have: type of 10 points is about 40 pixels high in a scan of 300 dpi. */
const ASSUMED_DPI = 300
/** One with more is not unpacked: telephones take pictures of up to 108 million points, which take 4 bytes each. */
const MAX_DECODED_PIXELS = 110_000_000

/** How many pages a picture has: a TIFF may have several, which is how fax machines and scanners write them. */
export function countPictures(bytes: Uint8Array): number {
  if (!isTiff(bytes)) return 1
  const { length } = listDirectories(bytes)
  if (length === 0) throw rejected('it has no picture inside')
  return length
}

/**
 * One picture of a file, 1 for the first: upright as EXIF says, with points as high as wide,
 * dark on light, without noise or stairs. null: it is blank.
 *
 * @throws TaskError `input_too_large` before it is unpacked; `input_rejected` when it is damaged.
 */
export function openPicture(bytes: Uint8Array, page: number, decode: Decode): PageImage | null {
  const file = page === 1 ? bytes : moveToFront(bytes, page)
  const { width, height, orientation, stretch = 1 } = readPictureHead(file)
  if (width * height > MAX_DECODED_PIXELS) {
    const message = `The picture has ${width} × ${height} points; at most ${MAX_DECODED_PIXELS / 1e6} million are read.`
    throw new TaskError('input_too_large', message)
  }
  const decoded = decodePicture(file, decode)
  if (isBlank(decoded)) return null
  const isSharp = isBlackAndWhite(decoded)
  const scale = Math.min(1, Math.sqrt(MAX_PIXELS / (decoded.width * decoded.height * stretch)))
  const image = toUpright(scale < 1 ? resize(decoded, scale) : decoded, orientation)
  invertDark(image)
  despeckle(image)
  // Who decodes it may have turned it.
  const isFlat = stretch !== 1 && decoded.width === width
  const square = isFlat ? resize(image, 1, stretch) : image
  if (isSharp) blur(square)
  return { image: square, dpi: ASSUMED_DPI * scale }
}

function decodePicture(file: Uint8Array, decode: Decode): GrayImage {
  if (isTiff(file)) return decodeTiff(file, decode)
  return (isTransparentPng(file) ? decodePng(file) : null) ?? decode(file)
}

/** A later picture of a TIFF is made the first, by the offset in its header. */
function moveToFront(bytes: Uint8Array, page: number): Uint8Array {
  const directory = listDirectories(bytes)[page - 1]
  if (directory === undefined) throw rejected(`it has no page ${page}`)
  const copy = Uint8Array.from(bytes)
  toView(copy).setUint32(4, directory, isLittleEndian(bytes))
  return copy
}
