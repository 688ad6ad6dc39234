import { dropLibrary, isTrap } from '../parse/pdf/library.ts'
import { PdfiumDocument, type PdfiumPage } from '../parse/pdf/pdfium.ts'
import { denoise } from './denoise.ts'
import { isBlank, MAX_PIXELS } from './gray-image.ts'
import { POINTS_PER_INCH, type PageImage } from './recognised-page.ts'

/** Chinese is read better than at 300, small type better than at 200. A page that is larger than A3 gets less. */
const DPI = 240
/** A picture on a page with a few characters is the page itself when it covers this share of it. */
const MIN_PICTURE_SHARE = 0.5

/**
 * Draws a page of a PDF for recognition.
 *
 * @param onlyPictures a page without a picture of its size is left out
 * @returns null when the page shows nothing, 'broken' when PDFium fails to draw it
 */
export async function renderPdfPage(
  bytes: Uint8Array,
  page: number,
  onlyPictures: boolean,
): Promise<PageImage | 'broken' | null> {
  const document = await PdfiumDocument.open(bytes)
  try {
    const image = document.withPage(page, (open) => (onlyPictures && !isPicture(open) ? null : draw(open)))
    document.close()
    return image
  } catch (error) {
    if (!isTrap(error)) throw error
    // Its memory is in an undefined state: it is forgotten with all that it held.
    dropLibrary()
    return 'broken'
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
  return { image, dpi: scale * POINTS_PER_INCH }
}
