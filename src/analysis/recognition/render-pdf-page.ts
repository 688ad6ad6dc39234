import { PdfiumDocument, type GrayImage, type PdfiumPage } from '../parse/pdf/pdfium.ts'
import { denoise } from './denoise.ts'
import { POINTS_PER_INCH, type PageImage } from './recognised-page.ts'

/** Chinese is read better than at 300, small type better than at 200. A page that is larger than A3 gets less. */
const DPI = 240
const MAX_PIXELS = 25_000_000
/** A picture on a page with a few characters is the page itself when it covers this share of it. */
const MIN_PICTURE_SHARE = 0.5
/** A page on which all points are nearly alike is blank. */
const MIN_CONTRAST = 48

/**
 * Draws a page of a PDF for recognition.
 *
 * @param onlyPictures a page without a picture of its size is left out
 * @returns null when the page shows nothing
 */
export async function renderPdfPage(
  bytes: Uint8Array,
  page: number,
  onlyPictures: boolean,
): Promise<PageImage | null> {
  const document = await PdfiumDocument.open(bytes)
  try {
    return document.withPage(page, (open) => (onlyPictures && !isPicture(open) ? null : draw(open)))
  } finally {
    document.close()
  }
}

function isPicture(page: PdfiumPage): boolean {
  return page.largestPictureShare() >= MIN_PICTURE_SHARE
}

function draw(page: PdfiumPage): PageImage | null {
  const { width, height } = page.size
  const wanted = DPI / POINTS_PER_INCH
  const scale = Math.min(wanted, Math.sqrt(MAX_PIXELS / (width * height)))
  const image = page.render(scale)
  if (isBlank(image)) return null
  denoise(image)
  return { bytes: toPnm(image), dpi: scale * POINTS_PER_INCH, orientation: 1 }
}

function isBlank({ data }: GrayImage): boolean {
  let darkest = 255
  let lightest = 0
  for (const point of data) {
    if (point < darkest) darkest = point
    if (point > lightest) lightest = point
  }
  return lightest - darkest < MIN_CONTRAST
}

/** The simplest format of pictures there is: a line of text, and the points. */
function toPnm({ width, height, data }: GrayImage): Uint8Array {
  return Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`, 'latin1'), data])
}
