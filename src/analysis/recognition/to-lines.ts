import type { PdfLine } from '../parse/pdf/lines.ts'
import type { RecognisedPage } from './recognised-page.ts'

/** Boxes around lines differ by what their letters reach above and below: within this share they are of one size. */
const SAME_SIZE = 0.35

/** Lines of a recognised page in the form of lines of a PDF, whose layout is understood then as any other. */
export function toPdfLines({ page, lines }: RecognisedPage): PdfLine[] {
  const usual = median(lines.map(({ height }) => height))
  return lines.map(({ text, x, y, width, height }) => ({
    text,
    x,
    right: x + width,
    y: -(y + height),
    size: Math.abs(height - usual) <= usual * SAME_SIZE ? usual : height,
    font: '',
    page,
  }))
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}
