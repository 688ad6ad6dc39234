import type { RecognisedBox, RecognisedImage, Word } from './tesseract.ts'

/** As many lines beside others are columns; fewer are a table or a mark at the margin. */
const MIN_LINES_BESIDE = 3
/** A gap of this many heights of its line may be a part of the gap between columns. */
const WIDE_GAP = 0.6
/** The gap between columns goes through this share of the lines, and through as many. */
const MIN_GUTTER_SHARE = 0.2
const MIN_GUTTER_LINES = 4
/** Lines of text have heights within these shares of the usual one. */
const USUAL_HEIGHTS = [0.6, 1.8] as const

/** Whether lines lie beside each other. */
export function hasColumns(lines: readonly RecognisedBox[]): boolean {
  const beside = lines.filter((line) => lines.some((other) => isBeside(line, other)))
  return beside.length >= 2 * MIN_LINES_BESIDE
}

function isBeside(line: RecognisedBox, other: RecognisedBox): boolean {
  const overlap = Math.min(line.y + line.height, other.y + other.height) - Math.max(line.y, other.y)
  const isApart = line.x + line.width <= other.x || other.x + other.width <= line.x
  return isApart && overlap > Math.min(line.height, other.height) / 2
}

/** Whether a page that was read across its whole width has a gap from one line to the next, at one place. */
export function hasGutter({ lines, words }: RecognisedImage): boolean {
  const rows = [...Map.groupBy(words, ({ line }) => line)].map(([line, found]) =>
    findGaps(found, (lines[line]?.height ?? 0) * WIDE_GAP),
  )
  const least = Math.max(MIN_GUTTER_LINES, lines.length * MIN_GUTTER_SHARE)
  const isInLines = rows.flat().some(({ from, to }) => {
    const middle = (from + to) / 2
    return rows.filter((row) => row.some((gap) => gap.from < middle && middle < gap.to)).length >= least
  })
  return isInLines || isBetweenLines(lines, least)
}

/** Columns whose lines are not at one height are read as lines of their own. */
function isBetweenLines(lines: readonly RecognisedBox[], least: number): boolean {
  return lines.some(({ x: edge }) => {
    const before = lines.filter(({ x, width }) => x + width <= edge).length
    const behind = lines.filter(({ x }) => x >= edge).length
    return Math.min(before, behind) >= least
  })
}

/** The places without words that are wider than `least`, within a row. */
function findGaps(words: readonly Word[], least: number): { from: number; to: number }[] {
  const sorted = words.toSorted((a, b) => a.x - b.x)
  return sorted.slice(1).flatMap(({ x: to }, index) => {
    const before = sorted[index]
    const from = before === undefined ? to : before.x + before.width
    return to - from > least ? [{ from, to }] : []
  })
}

/** Whether a line is as high as most lines of its page: ornaments and specks are not. */
export function isOfUsualSize(line: number, lines: readonly RecognisedBox[]): boolean {
  const usual = usualHeight(lines)
  const height = lines[line]?.height ?? 0
  return height >= usual * USUAL_HEIGHTS[0] && height <= usual * USUAL_HEIGHTS[1]
}

/** The height of the middle one; 0 without lines. */
export function usualHeight(lines: readonly RecognisedBox[]): number {
  const sorted = lines.map(({ height }) => height).sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
