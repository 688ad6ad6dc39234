import { joinLines } from '../parse/document.ts'
import { MAX_PIXELS, resize } from './gray-image.ts'
import { openPicture } from './picture.ts'
import {
  POINTS_PER_INCH,
  type PageImage,
  type RecognisedLine,
  type RecognisedPage,
  type UnreadPage,
} from './recognised-page.ts'
import { renderPdfPage } from './render-pdf-page.ts'
import { hasColumns, hasGutter, isOfUsualSize, usualHeight } from './page-shape.ts'
import { loadTesseract, type RecognisedImage, type Tesseract, type Word } from './tesseract.ts'

/** Which page of a file is recognised, and in which languages, as Tesseract names them. */
export interface RecognitionRequest extends UnreadPage {
  readonly languages: readonly string[]
}

/** Lines below this confidence are specks and ornaments more often than text; a doubtful word of a good line is a word. */
const MIN_LINE_CONFIDENCE = 35
/** Below this the page may lie on its side or its head. */
const DOUBTFUL = 60
/** On its head, on its left and its right side, as EXIF counts them. */
const TURNED = [3, 6, 8] as const
/** Lines with less height, in pixels, are enlarged to the usual one, unless they are read well as they are. */
const SMALL_LINE = 26
const USUAL_LINE = 40
const MIN_SCALE = 1.3
const MAX_SCALE = 4
const CERTAIN = 95
/** A page that is read across its width must have nearly as many good words as in columns. */
const NEARLY_ALL = 0.9
/** Of a page with more doubtful lines than these none is read again: it is no clean text. */
const MAX_DOUBTFUL_LINES = 12

/** Recognises the text of one page of a PDF, or of one picture of a file of pictures. */
export async function recognisePage(
  bytes: Uint8Array,
  mediaType: string,
  { page, reason, languages }: RecognitionRequest,
): Promise<RecognisedPage> {
  const tesseract = await loadTesseract(languages)
  const image =
    mediaType === 'application/pdf'
      ? await renderPdfPage(bytes, page, reason === 'sparse')
      : openPicture(bytes, page, (packed) => tesseract.decode(packed))
  if (image === 'broken') return { page, confidence: null, lines: [], isBroken: true }
  if (image === null) return { page, confidence: null, lines: [] }
  const first = recogniseUpright(tesseract, image)
  const { shown, found: upright } = enlargeSmall(tesseract, { shown: image, found: first })
  const found = [upright]
  if (meanConfidence(upright.words) < DOUBTFUL) {
    for (const orientation of TURNED) found.push(tesseract.recognise({ image: shown.image, orientation }))
  }
  const best = found.reduce((most, next) => (certainChars(next) > certainChars(most) ? next : most))
  const checked = best === upright ? recogniseDoubtfulLines(tesseract, shown, best) : best
  return toPage(checked, page, POINTS_PER_INCH / shown.dpi)
}

interface Attempt {
  readonly shown: PageImage
  readonly found: RecognisedImage
}

/** Type of a screen has too few points for its strokes: the picture is enlarged, and kept so when more is read of it. */
function enlargeSmall(tesseract: Tesseract, attempt: Attempt): Attempt {
  const { shown, found } = attempt
  const { image, dpi } = shown
  const height = usualHeight(found.lines)
  const isSmall = height > 0 && height < SMALL_LINE && meanConfidence(found.words) < CERTAIN
  const most = Math.sqrt(MAX_PIXELS / (image.width * image.height))
  const scale = Math.min(MAX_SCALE, USUAL_LINE / height, most)
  if (!isSmall || scale < MIN_SCALE) return attempt
  const larger = { image: resize(image, scale), dpi: dpi * scale }
  const again = recogniseUpright(tesseract, larger)
  return certainChars(again) > certainChars(found) ? { shown: larger, found: again } : attempt
}

/** Columns that are found where there are none tear lines apart: then the page is read again, across its whole width. */
function recogniseUpright(tesseract: Tesseract, { image }: PageImage): RecognisedImage {
  const upright = { image, orientation: 1 }
  const found = tesseract.recognise(upright)
  if (!hasColumns(found.lines)) return found
  const across = tesseract.recognise(upright, 'column')
  return hasGutter(across) || certainChars(across) < certainChars(found) * NEARLY_ALL ? found : across
}

/** Reads lines again in each language alone that were hardly read in all of them together. */
function recogniseDoubtfulLines(
  tesseract: Tesseract,
  { image }: PageImage,
  page: RecognisedImage,
): RecognisedImage {
  const byLine = Map.groupBy(page.words, ({ line }) => line)
  const doubtful = [...byLine].filter(
    ([line, words]) => meanConfidence(words) < DOUBTFUL && isOfUsualSize(line, page.lines),
  )
  const isWorthIt = meanConfidence(page.words) >= DOUBTFUL && doubtful.length <= MAX_DOUBTFUL_LINES
  if (!isWorthIt || doubtful.length === 0 || tesseract.languages.length < 2) return page
  const boxes = doubtful.flatMap(([line]) => page.lines[line] ?? [])
  for (const language of tesseract.languages) {
    const again = tesseract.recogniseLines({ image, orientation: 1 }, { boxes, slope: page.slope }, language)
    for (const [index, [line]] of doubtful.entries()) {
      const words = again[index]?.map((word) => ({ ...word, line })) ?? []
      if (meanConfidence(words) > meanConfidence(byLine.get(line) ?? [])) byLine.set(line, words)
    }
  }
  return { ...page, words: [...byLine.values()].flat() }
}

/** Characters of the words that are probably right. */
function certainChars({ words }: RecognisedImage): number {
  return words.reduce((sum, { text, confidence }) => sum + (confidence >= DOUBTFUL ? text.length : 0), 0)
}

function meanConfidence(words: readonly Word[]): number {
  const chars = words.reduce((sum, { text }) => sum + text.length, 0)
  return chars === 0
    ? 0
    : words.reduce((sum, { text, confidence }) => sum + confidence * text.length, 0) / chars
}

function toPage({ lines, words }: RecognisedImage, page: number, scale: number): RecognisedPage {
  const byLine = [...Map.groupBy(words, ({ line }) => line)].filter(
    ([, found]) => meanConfidence(found) >= MIN_LINE_CONFIDENCE,
  )
  const round = (length: number) => Math.round(length * scale * 10) / 10
  const made = byLine.flatMap(([number, found]): RecognisedLine[] => {
    const box = lines[number]
    const text = joinLines(found.map((word) => word.text))
    if (box === undefined || !/[\p{L}\p{N}]/u.test(text)) return []
    const { x, y, width, height } = box
    return [{ text, x: round(x), y: round(y), width: round(width), height: round(height) }]
  })
  const confidence =
    made.length === 0 ? null : Math.round(meanConfidence(byLine.flatMap(([, found]) => found)))
  return { page, confidence, lines: made }
}
