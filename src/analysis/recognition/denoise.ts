import type { GrayImage } from '../parse/pdf/pdfium.ts'

/**
 * Above this standard deviation of the points of an even area a picture is noisy. Clean scans have 0, paper up to 2; grain
 * of 5 is read well as it is, and better so where type is small.
 */
const MIN_NOISE = 8
/** Points are compared with those at this distance: neighbours in a picture that was enlarged are nearly alike. */
const DISTANCE = 2
/** Noise is measured at every point whose index is a multiple of this: a prime, so that no column is left out. */
const SAMPLE_STEP = 97
/** How |second difference in both directions| relates to the standard deviation, by its median (Immerkær, 1996). */
const MEDIAN_TO_DEVIATION = 1 / (6 * 0.6745)

/**
 * Removes noise from the picture of a page, in place: each point becomes the median of the nine around it. Pictures with
 * little noise stay as they are, for thin strokes would suffer.
 */
export function denoise(image: GrayImage): void {
  if (measureNoise(image) >= MIN_NOISE) applyMedian(image)
}

/** Most points of a page lie beside no stroke: the median over all points is that of the paper. */
export function measureNoise({ width, height, data }: GrayImage): number {
  const counts = new Uint32Array(8 * 256)
  let seen = 0
  const down = DISTANCE * width
  for (let at = down + DISTANCE; at < width * height - down - DISTANCE; at += SAMPLE_STEP) {
    const across = (row: number) => at0(data, row - DISTANCE) - 2 * at0(data, row) + at0(data, row + DISTANCE)
    const difference = Math.abs(across(at - down) - 2 * across(at) + across(at + down))
    counts[difference] = (counts[difference] ?? 0) + 1
    seen += 1
  }
  let below = 0
  let median = 0
  while (below + (counts[median] ?? 0) < seen / 2 && median < counts.length) {
    below += counts[median] ?? 0
    median += 1
  }
  return median * MEDIAN_TO_DEVIATION
}

function at0(data: Uint8Array, at: number): number {
  return data[at] ?? 0
}

/** The points of the edge are left as they are. */
function applyMedian({ width, height, data }: GrayImage): void {
  const rows = [data.slice(0, width), data.slice(width, 2 * width)] as [Uint8Array, Uint8Array]
  for (let y = 1; y < height - 1; y += 1) {
    const below = data.slice((y + 1) * width, (y + 2) * width)
    for (let x = 1; x < width - 1; x += 1) {
      data[y * width + x] = medianOfNine(rows[0], rows[1], below, x)
    }
    rows[0] = rows[1]
    rows[1] = below
  }
}

/** The median of nine values is the median of the largest least, the middle one and the least largest of its columns. */
function medianOfNine(above: Uint8Array, on: Uint8Array, below: Uint8Array, x: number): number {
  let [largestLeast, leastLargest] = [0, 255]
  let [m1, m2, m3] = [0, 0, 0]
  for (let column = x - 1; column <= x + 1; column += 1) {
    const [a, b, c] = [at0(above, column), at0(on, column), at0(below, column)]
    largestLeast = Math.max(largestLeast, Math.min(a, b, c))
    leastLargest = Math.min(leastLargest, Math.max(a, b, c))
    ;[m1, m2, m3] = [m2, m3, medianOfThree(a, b, c)]
  }
  return medianOfThree(largestLeast, medianOfThree(m1, m2, m3), leastLargest)
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))
}
