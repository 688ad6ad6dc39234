import type { GrayImage } from '../parse/pdf/pdfium.ts'

/** Unpacks a picture of any format. */
export type Decode = (bytes: Uint8Array) => GrayImage

/** The most points of an image that is recognised: A3 at 300 dpi has 17 million. */
export const MAX_PIXELS = 25_000_000

/** A page on which all points are nearly alike is blank. */
const MIN_CONTRAST = 48
/** Most points of a page are paper: where the middle one is darker than this, the text is light on dark. */
const DARK = 110

export function isBlank({ data }: GrayImage): boolean {
  let darkest = 255
  let lightest = 0
  for (const point of data) {
    if (point < darkest) darkest = point
    if (point > lightest) lightest = point
  }
  return lightest - darkest < MIN_CONTRAST
}

/** The simplest format of pictures there is: a line of text, and the points. */
export function toPnm({ width, height, data }: GrayImage): Uint8Array {
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`, 'latin1'), data])
}

/** Makes light text on a dark page dark on a light one, in place. */
export function invertDark(image: GrayImage): void {
  const { data } = image
  if (findMedian(data) >= DARK) return
  for (let at = 0; at < data.length; at += 1) data[at] = 255 - (data[at] ?? 0)
}

function findMedian(data: Uint8Array): number {
  const counts = new Uint32Array(256)
  for (const point of data) counts[point] = (counts[point] ?? 0) + 1
  let value = 0
  for (let below = counts[0] ?? 0; below < data.length / 2 && value < 255; below += counts[value] ?? 0)
    value += 1
  return value
}

/** Orientations of EXIF whose rows are columns of the upright picture. */
const ON_ITS_SIDE = 5

/** The upright picture of one whose first row and column lie as EXIF says: 2, 4, 5 and 7 are mirrored. */
export function toUpright(image: GrayImage, orientation: number): GrayImage {
  if (orientation === 1) return image
  const isOnSide = orientation >= ON_ITS_SIDE
  const [width, height] = isOnSide ? [image.height, image.width] : [image.width, image.height]
  const isFromRight = [2, 3, 7, 8].includes(orientation)
  const isFromBelow = [3, 4, 6, 7].includes(orientation)
  const data = new Uint8Array(width * height)
  for (let at = 0; at < data.length; at += 1) {
    const [column, row] = [at % width, Math.floor(at / width)]
    const [x, y] = isOnSide ? [row, column] : [column, row]
    const fromX = isFromRight ? image.width - 1 - x : x
    const fromY = isFromBelow ? image.height - 1 - y : y
    data[at] = image.data[fromY * image.width + fromX] ?? 255
  }
  return { width, height, data }
}

/**
 * A picture of another size: a point is the mean of the points it covers, or lies between the four next to it. Its height
 * grows by `stretch` beside.
 */
export function resize(image: GrayImage, scale: number, stretch = 1): GrayImage {
  const [width, height] = [Math.round(image.width * scale), Math.round(image.height * scale * stretch)]
  const data = new Uint8Array(width * height)
  const [columns, rows] = [spread(image.width, width), spread(image.height, height)]
  for (let y = 0; y < height; y += 1) {
    const { from: top, weights: down } = rows[y] ?? NOTHING
    for (let x = 0; x < width; x += 1) {
      const { from: left, weights: across } = columns[x] ?? NOTHING
      let sum = 0
      for (let row = 0; row < down.length; row += 1) {
        const start = (top + row) * image.width + left
        for (let column = 0; column < across.length; column += 1) {
          sum += (image.data[start + column] ?? 0) * (down[row] ?? 0) * (across[column] ?? 0)
        }
      }
      data[y * width + x] = Math.round(sum)
    }
  }
  return { width, height, data }
}

interface Share {
  readonly from: number
  readonly weights: readonly number[]
}
const NOTHING: Share = { from: 0, weights: [] }

/** For each new point of a row the old ones that it is made of, with weights that fall off like a tent. */
function spread(length: number, wanted: number): Share[] {
  const step = length / wanted
  const reach = Math.max(1, step)
  return Array.from({ length: wanted }, (_, index) => {
    const middle = (index + 0.5) * step - 0.5
    const from = Math.max(0, Math.ceil(middle - reach))
    const to = Math.min(length - 1, Math.floor(middle + reach))
    const weights = Array.from(
      { length: to - from + 1 },
      (__, nth) => 1 - Math.abs(from + nth - middle) / reach,
    )
    const sum = weights.reduce((total, weight) => total + weight, 0)
    return { from, weights: weights.map((weight) => weight / sum) }
  })
}
