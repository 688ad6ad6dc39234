import type { GrayImage } from '../parse/pdf/pdfium.ts'
import { measureNoise } from './denoise.ts'

/** Black and white specks are nearly as dark or as light as can be. */
const DARK = 32
const LIGHT = 223
/** A speck has fewer than two neighbours that are within this of it: strokes and dots of letters have more. */
const ALIKE = 60
const MIN_ALIKE = 2
/** With a smaller share of specks a picture stays as it is: full stops of small type are single points. */
const MIN_SHARE = 0.002
/** A picture of black and white has fewer shades between: its curves are stairs, and thin letters at the start of a line are lost. */
const MAX_SHADES = 0.001
/** Tesseract reads grain with a standard deviation of 25 as it is, and nothing at 50. */
const MIN_GRAIN = 20

/**
 * Removes noise from a picture whose points are those of its camera, scanner or fax machine, in place: specks become as
 * their neighbours, and strong grain is blurred. A median of nine would take strokes that are one point wide.
 */
export function despeckle(image: GrayImage): void {
  removeSpecks(image)
  if (measureNoise(image) >= MIN_GRAIN) blur(image)
}

/** Whether its edges are to be blurred before it is read. */
export function isBlackAndWhite({ data }: GrayImage): boolean {
  let shades = 0
  for (const point of data) if (point > DARK && point < LIGHT) shades += 1
  return shades <= data.length * MAX_SHADES
}

function removeSpecks({ width, height, data }: GrayImage): void {
  const around = [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1]
  const specks: [at: number, value: number][] = []
  for (let at = width + 1; at < width * (height - 1) - 1; at += 1) {
    const point = data[at] ?? 0
    if (point > DARK && point < LIGHT) continue
    let alike = 0
    for (const step of around) if (Math.abs((data[at + step] ?? 0) - point) < ALIKE) alike += 1
    if (alike >= MIN_ALIKE) continue
    const sorted = around.map((step) => data[at + step] ?? 0).sort((a, b) => a - b)
    specks.push([at, ((sorted[3] ?? 0) + (sorted[4] ?? 0)) >> 1])
  }
  if (specks.length < data.length * MIN_SHARE) return
  for (const [at, value] of specks) data[at] = value
}

/** A point becomes the mean of the nine around it, with weights of 4, 2 and 1 by their distance. */
export function blur({ width, height, data }: GrayImage): void {
  const from = Uint8Array.from(data)
  const across = (at: number) => (from[at - 1] ?? 0) + 2 * (from[at] ?? 0) + (from[at + 1] ?? 0)
  for (let at = width + 1; at < width * (height - 1) - 1; at += 1) {
    data[at] = (across(at - width) + 2 * across(at) + across(at + width) + 8) >> 4
  }
}
