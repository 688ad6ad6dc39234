import { joinLines } from '../parse/document.ts'
import { openPicture } from './picture.ts'
import {
  ORIENTATIONS,
  POINTS_PER_INCH,
  type RecognisedLine,
  type RecognisedPage,
  type UnreadPage,
} from './recognised-page.ts'
import { renderPdfPage } from './render-pdf-page.ts'
import { loadTesseract, type RecognisedImage, type Word } from './tesseract.ts'

/** Which page of a file is recognised, and in which languages, as Tesseract names them. */
export interface RecognitionRequest extends UnreadPage {
  readonly languages: readonly string[]
}

/** Lines below this confidence are specks and ornaments more often than text; a doubtful word of a good line is a word. */
const MIN_LINE_CONFIDENCE = 35
/** Below this the page may lie on its side or its head. */
const DOUBTFUL = 60

/** Recognises the text of one page of a PDF, or of one picture of a file of pictures. */
export async function recognisePage(
  bytes: Uint8Array,
  mediaType: string,
  { page, reason, languages }: RecognitionRequest,
): Promise<RecognisedPage> {
  const image =
    mediaType === 'application/pdf'
      ? await renderPdfPage(bytes, page, reason === 'sparse')
      : openPicture(bytes, page)
  if (image === null) return { page, confidence: null, lines: [] }
  const tesseract = await loadTesseract(languages)
  const upright = tesseract.recognise(image.bytes, image.orientation)
  const found = [upright]
  if (meanConfidence(upright.words) < DOUBTFUL) {
    for (const orientation of ORIENTATIONS.filter((each) => each !== image.orientation)) {
      found.push(tesseract.recognise(image.bytes, orientation))
    }
  }
  const best = found.reduce((most, next) => (certainChars(next) > certainChars(most) ? next : most))
  return toPage(best, page, POINTS_PER_INCH / image.dpi)
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
