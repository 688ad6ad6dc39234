import { readBytes, type Library } from './library.ts'
import { COLUMN_GAP, SAME_LINE, SPACE_GAP, type PdfItem } from './lines.ts'

const SPACE = 0x20
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
/** PDFium gives this in the place of a hyphen that divides a word at the end of a line. */
const DIVIDING_HYPHEN = 0x02
const MAX_CODE_POINT = 0x10ffff
/** A matrix of six floats is the largest that is written there. */
const SCRATCH_BYTES = 32
/** Text that slopes less than this is upright. */
const MIN_SINE = 0.01

/** Characters of writing without spaces, with their punctuation. */
const IDEOGRAPH =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]/u
const IDEOGRAPH_AT_END =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]$/u

/** How the characters of one text object are drawn. */
interface Style extends Direction {
  readonly size: number
  readonly font: string
}

/** Where text runs to; 1 and 0: from left to right. */
interface Direction {
  readonly cosine: number
  readonly sine: number
}

/** Where a character lies: along its line, and across it. */
interface Place {
  readonly left: number
  readonly right: number
  readonly y: number
}

/**
 * Takes the text of one page in pieces. PDFium gives the characters in the order in which the file draws them, those of
 * right-to-left text in the order in which they are read, with spaces and line breaks of its own where there are gaps.
 *
 * @returns null when the text cannot be read
 */
export function readItems(library: Library, page: number): PdfItem[] | null {
  const { wasmExports: pdfium } = library
  const text = pdfium.FPDFText_LoadPage(page)
  if (text === 0) return null
  const scratch = pdfium.malloc(SCRATCH_BYTES)
  const items = new PageText(library, text, scratch).read()
  pdfium.free(scratch)
  pdfium.FPDFText_ClosePage(text)
  return items
}

const UPRIGHT: Style = { size: 0, font: '', cosine: 1, sine: 0 }

class PageText {
  readonly #library: Library
  readonly #text: number
  /** Where functions write what they give back beside their result. */
  readonly #scratch: number
  readonly #fonts = new Map<number, string>()
  readonly #items: PdfItem[] = []
  /** The piece that is put together. */
  #piece = ''
  #start: Place = { left: 0, right: 0, y: 0 }
  #style = UPRIGHT
  /** The text object of the last character, and the index of the first character of that object. */
  #object = 0
  #objectStart = 0
  #last = 0

  constructor(library: Library, text: number, scratch: number) {
    this.#library = library
    this.#text = text
    this.#scratch = scratch
  }

  /** Most characters take two calls: positions are asked for at the ends of words only. */
  read(): PdfItem[] {
    const pdfium = this.#library.wasmExports
    const count = pdfium.FPDFText_CountChars(this.#text)
    let isSpaced = false
    for (let index = 0; index < count; index += 1) {
      const code = pdfium.FPDFText_GetUnicode(this.#text, index)
      if (code === LINE_FEED || code === CARRIAGE_RETURN) {
        this.#close()
        isSpaced = false
      } else if (code === SPACE) {
        isSpaced = true
      } else {
        const object = pdfium.FPDFText_GetTextObject(this.#text, index)
        const isEntered = isSpaced || object !== this.#object || this.#piece === ''
        const isApart = isEntered ? this.#enter(object, index, isSpaced) : false
        this.#piece += (isApart ? ' ' : '') + this.#toCharacter(code, index)
        this.#last = index
        isSpaced = false
      }
    }
    this.#close()
    return this.#items
  }

  #toCharacter(code: number, index: number): string {
    if (code === DIVIDING_HYPHEN && this.#library.wasmExports.FPDFText_IsHyphen(this.#text, index) === 1) {
      return '-'
    }
    // A font may map a code to several characters, the first of which is none.
    if (code === 0) return ''
    // Damaged fonts give numbers that are no characters.
    return code >= 0 && code <= MAX_CODE_POINT ? String.fromCodePoint(code) : '\ufffd'
  }

  /**
   * A word begins, or another text object: it continues the piece where it is near and looks alike.
   *
   * @returns whether it stands apart from what is before it
   */
  #enter(object: number, index: number, isSpaced: boolean): boolean {
    const style = object === this.#object ? this.#style : this.#readStyle(object, index)
    const place = this.#locate(index, style)
    const gap = this.#piece === '' ? null : this.#measureGap(place, style)
    const isApart = gap === null ? isSpaced : this.#isApart(gap, index, isSpaced)
    if (gap === null) {
      this.#close()
      this.#start = place
    }
    this.#style = style
    if (object !== this.#object) this.#objectStart = index
    this.#object = object
    return isApart
  }

  /** How far a character is from the end of the piece; null when it does not continue it. */
  #measureGap(place: Place, style: Style): number | null {
    const { size, font, cosine, sine } = this.#style
    if (style.size !== size || style.font !== font || style.cosine !== cosine || style.sine !== sine)
      return null
    const last = this.#locateLast()
    const gap = Math.max(place.left - last.right, last.left - place.right)
    return Math.abs(place.y - last.y) < size * SAME_LINE && gap < size * COLUMN_GAP ? gap : null
  }

  #isApart(gap: number, index: number, isSpaced: boolean): boolean {
    const { size } = this.#style
    const pdfium = this.#library.wasmExports
    const isWide = gap > size * SPACE_GAP
    if (isSpaced ? pdfium.FPDFText_IsGenerated(this.#text, index - 1) !== 1 : !isWide) return isSpaced
    // Characters of Chinese and Japanese are often set apart, and have no spaces between them.
    const next = this.#toCharacter(pdfium.FPDFText_GetUnicode(this.#text, index), index)
    return gap > size || !IDEOGRAPH_AT_END.test(this.#piece) || !IDEOGRAPH.test(next)
  }

  #close(): void {
    if (this.#piece === '') return
    const { size, font } = this.#style
    const last = this.#locateLast()
    const x = Math.min(this.#start.left, last.left)
    const width = Math.max(this.#start.right, last.right) - x
    this.#items.push({ text: this.#piece, x, y: this.#start.y, width, size, font })
    this.#piece = ''
  }

  /** Where the last character lies. All characters of a replacement text lie where that begins: it ends with its object. */
  #locateLast(): Place {
    const last = this.#locate(this.#last, this.#style)
    if (this.#last === this.#objectStart) return last
    const first = this.#locate(this.#objectStart, this.#style)
    if (first.left !== last.left || first.y !== last.y) return last
    const { wasmExports: pdfium } = this.#library
    const at = this.#scratch
    const isKnown = pdfium.FPDFPageObj_GetBounds(this.#object, at, at + 4, at + 8, at + 12) === 1
    const right = this.#library.HEAPF32[(at >> 2) + 2] ?? 0
    return isKnown && this.#style.sine === 0 ? { ...last, right: Math.max(right, last.right) } : last
  }

  #locate(index: number, { cosine, sine, size }: Style): Place {
    const pdfium = this.#library.wasmExports
    const at = this.#scratch
    pdfium.FPDFText_GetCharOrigin(this.#text, index, at, at + 8)
    const x = this.#library.HEAPF64[at >> 3] ?? 0
    const y = this.#library.HEAPF64[(at >> 3) + 1] ?? 0
    const isBoxed = pdfium.FPDFText_GetLooseCharBox(this.#text, index, at) === 1
    const [left = 0, top = 0, right = 0, bottom = 0] = this.#library.HEAPF32.subarray(at >> 2, (at >> 2) + 4)
    const along = x * cosine + y * sine
    const across = y * cosine - x * sine
    const width = isBoxed ? toWidth(right - left, top - bottom, { cosine, sine }) : 0
    const start = cosine === 1 ? left : along
    return { left: along, right: Math.max(along, Math.min(start + width, along + 2 * size)), y: across }
  }

  #readStyle(object: number, index: number): Style {
    const pdfium = this.#library.wasmExports
    if (object === 0) return UPRIGHT
    const at = this.#scratch
    const points = pdfium.FPDFText_GetFontSize(this.#text, index)
    if (pdfium.FPDFText_GetMatrix(this.#text, index, at) === 0) return UPRIGHT
    const [a = 1, b = 0, c = 0, d = 1] = this.#library.HEAPF32.subarray(at >> 2, (at >> 2) + 4)
    const size = Math.round(Math.abs(points) * Math.hypot(c, d) * 100) / 100
    const length = Math.hypot(a, b) * (points < 0 ? -1 : 1)
    const font = this.#readFont(pdfium.FPDFTextObj_GetFont(object))
    // Text that is mirrored runs from left to right as well.
    const isRotated = length !== 0 && a * d - b * c > 0 && (Math.abs(b / length) > MIN_SINE || a / length < 0)
    if (!isRotated) return { ...UPRIGHT, size, font }
    const angle = Math.round((Math.atan2(b / length, a / length) * 180) / Math.PI)
    return { size, font, ...toDirection(angle) }
  }

  #readFont(font: number): string {
    const known = this.#fonts.get(font)
    if (known !== undefined) return known
    const { wasmExports: pdfium } = this.#library
    const name = readBytes(this.#library, (buffer, bytes) =>
      pdfium.FPDFFont_GetBaseFontName(font, buffer, bytes),
    )
    this.#fonts.set(font, name)
    return name
  }
}

/** The width of a box along its line, of the upright box around it. */
function toWidth(width: number, height: number, { cosine, sine }: Direction): number {
  const [along, across] = [Math.abs(cosine), Math.abs(sine)]
  const difference = along * along - across * across
  // At 45 degrees every box has the same one around it.
  if (Math.abs(difference) < MIN_DIFFERENCE) return Math.min(width, height) / (along + across)
  return (Math.abs(width) * along - Math.abs(height) * across) / difference
}
const MIN_DIFFERENCE = 0.1

function toDirection(degrees: number): Direction {
  const radians = (degrees * Math.PI) / 180
  const round = (value: number) => Math.round(value * 1e6) / 1e6
  return { cosine: round(Math.cos(radians)), sine: round(Math.sin(radians)) }
}
