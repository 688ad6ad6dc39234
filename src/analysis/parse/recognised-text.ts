import { toPdfLines } from '../recognition/to-lines.ts'
import type { RecognisedPage, Recognition } from '../recognition/recognised-page.ts'
import type { AboutDocument } from './document.ts'
import type { PdfLine } from './pdf/lines.ts'

/** Below this a page is named in a warning. */
const DOUBTFUL = 70
const MAX_PAGES_NAMED = 10

/** The recognised pages of a document, and what is to be said about them. */
export class RecognisedText {
  readonly #pages: ReadonlyMap<number, RecognisedPage>
  readonly #used: RecognisedPage[] = []

  constructor(recognition: Recognition | null) {
    this.#pages = new Map(recognition?.pages.map((page) => [page.page, page]))
  }

  has(page: number): boolean {
    return this.#pages.has(page)
  }

  /** Pages that could not be drawn. */
  get broken(): number[] {
    return [...this.#pages.values()].filter(({ isBroken }) => isBroken === true).map(({ page }) => page)
  }

  /** The lines of a page that was recognised; null when it was not, shows no text, or less than `minChars`. */
  takeLines(page: number, minChars = 1): readonly PdfLine[] | null {
    const found = this.#pages.get(page)
    const chars = found?.lines.reduce((sum, { text }) => sum + text.length, 0) ?? 0
    if (found === undefined || chars < minChars) return null
    this.#used.push(found)
    return toPdfLines(found)
  }

  get about(): AboutDocument {
    const pages = this.#used.length
    if (pages === 0) return {}
    const confidence = this.#used.reduce((sum, page) => sum + (page.confidence ?? 0), 0) / pages
    return { recognised: { pages, confidence: Math.round(confidence) } }
  }

  get warnings(): string[] {
    const { recognised } = this.about
    if (recognised === undefined) return []
    const { pages, confidence } = recognised
    const what = pages === 1 ? 'The text of 1 page' : `The text of ${pages} pages`
    const said = `${what} was recognised from pictures, with a confidence of ${confidence} of 100.`
    const doubtful = this.#used.filter((page) => (page.confidence ?? 0) < DOUBTFUL).map(({ page }) => page)
    return doubtful.length === 0
      ? [said]
      : [said, `Compare it with the original: ${namePages(doubtful)} cannot be read well.`]
  }
}

/** `page 3`, `pages 3, 5, 8`. */
export function namePages(pages: readonly number[]): string {
  const named = pages.slice(0, MAX_PAGES_NAMED).join(', ') + (pages.length > MAX_PAGES_NAMED ? ' …' : '')
  return `${pages.length === 1 ? 'page' : 'pages'} ${named}`
}
