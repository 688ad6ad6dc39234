import type { GrayImage } from '../parse/pdf/pdfium.ts'

/** What text recognition has made of one page; plain data, because it is kept as the result of a step. */
export interface RecognisedPage {
  /** 1 for the first. */
  readonly page: number
  /** Of its words, weighted by their lengths, 0 to 100; null: the page shows no text. */
  readonly confidence: number | null
  readonly lines: readonly RecognisedLine[]
  /** It cannot be drawn: what it shows is not known. */
  readonly isBroken?: boolean
}

/** Lengths in points, y from the upper edge downwards. */
export interface RecognisedLine {
  readonly text: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export const POINTS_PER_INCH = 72

/** The image of one page, with its resolution in dots per inch. */
export interface PageImage {
  readonly image: GrayImage
  readonly dpi: number
}

/** How the pages of a document without text are read; with the pages that were recognised so far. */
export interface Recognition {
  /** All pages are recognised, those with text of their own too. */
  readonly isForced: boolean
  readonly pages: readonly RecognisedPage[]
}

/**
 * Why a page is to be recognised: it has no text, a few characters beside what may be the picture of a page, text in a
 * font that does not tell its characters, or it was asked for.
 */
type UnreadReason = 'empty' | 'sparse' | 'garbled' | 'forced'

export interface UnreadPage {
  readonly page: number
  readonly reason: UnreadReason
}

/** Ends the reading of a document that has pages to be recognised first. */
export class UnreadPages extends Error {
  override readonly name = 'UnreadPages'
  readonly pages: readonly UnreadPage[]

  constructor(pages: readonly UnreadPage[]) {
    super(`${pages.length} pages are to be recognised`)
    this.pages = pages
  }
}
