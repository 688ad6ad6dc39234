import { TaskError } from '../../../task/failure.ts'
import { flattenSignatures, listTyped, withTyped } from './fields.ts'
import { getLibrary, releaseLibrary, type Library } from './library.ts'
import type { PdfItem } from './lines.ts'
import { readItems } from './page-text.ts'

const GRAY = 1
const IMAGE = 3
const WHITE = 0xffffffff
/** Annotations are drawn, in shades of gray. */
const WITH_ANNOTATIONS = 0x01
const GRAYSCALE = 0x08

/** What FPDF_GetLastError says of a file that needs a password, or a key that PDFium does not know. */
const PASSWORD = 4
const SECURITY = 5

/** The structure through which PDFium asks its host for things; of its fields only the version is set. */
const FORM_INFO_BYTES = 256
const FORM_INFO_VERSION = 2

interface PdfPage {
  readonly items: PdfItem[]
  /** Whether nothing is drawn on it. */
  readonly isBlank: boolean
}

/** A PDF opened by PDFium. Call `close` when it is read: WebAssembly has no garbage collector. */
export class PdfiumDocument {
  readonly #library: Library
  readonly #data: number
  readonly #document: number
  readonly #formInfo: number
  readonly #form: number
  readonly pageCount: number

  private constructor(library: Library, data: number, document: number) {
    this.#library = library
    this.#data = data
    this.#document = document
    const { wasmExports: pdfium } = library
    this.pageCount = pdfium.FPDF_GetPageCount(document)
    const hasForm = pdfium.FPDF_GetFormType(document) !== 0
    this.#formInfo = hasForm ? createFormInfo(library) : 0
    this.#form = hasForm ? pdfium.FPDFDOC_InitFormFillEnvironment(document, this.#formInfo) : 0
  }

  /** @throws TaskError `encrypted_input`, `input_rejected` for a damaged file. */
  static async open(bytes: Uint8Array): Promise<PdfiumDocument> {
    const library = await getLibrary()
    const { wasmExports: pdfium } = library
    const data = pdfium.malloc(bytes.length)
    if (data === 0)
      throw new TaskError('out_of_memory', 'The PDF does not fit into the memory of its reader.')
    library.HEAPU8.set(bytes, data)
    const document = pdfium.FPDF_LoadMemDocument(data, bytes.length, 0)
    if (document !== 0) return new PdfiumDocument(library, data, document)
    const error = pdfium.FPDF_GetLastError()
    pdfium.free(data)
    throw error === PASSWORD || error === SECURITY
      ? new TaskError('encrypted_input', 'The PDF is protected by a password.')
      : new TaskError('input_rejected', 'The PDF is damaged and cannot be opened.')
  }

  /** Works with a page, 1 for the first; null when it cannot be opened. */
  withPage<Made>(number: number, use: (page: PdfiumPage) => Made): Made | null {
    const { wasmExports: pdfium } = this.#library
    const pointer = pdfium.FPDF_LoadPage(this.#document, number - 1)
    if (pointer === 0) return null
    const made = use(new PdfiumPage(this.#library, pointer))
    pdfium.FPDF_ClosePage(pointer)
    return made
  }

  /** The text of a page in pieces, with what was typed into its form; null when it cannot be read. */
  readPage(number: number): PdfPage | null {
    const library = this.#library
    const page = this.withPage(number, ({ pointer }) => {
      const drawn = readItems(library, pointer)
      const { wasmExports: pdfium } = library
      const isBlank = pdfium.FPDFPage_CountObjects(pointer) + pdfium.FPDFPage_GetAnnotCount(pointer) === 0
      const typed = listTyped(library, pointer, this.#form)
      return { drawn, typed, isBlank, isChanged: flattenSignatures(library, pointer, this.#form) }
    })
    if (page === null) return null
    const drawn = page.isChanged
      ? this.withPage(number, ({ pointer }) => readItems(library, pointer))
      : page.drawn
    return drawn === null ? null : { items: withTyped(drawn, page.typed), isBlank: page.isBlank }
  }

  close(): void {
    const { wasmExports: pdfium } = this.#library
    if (this.#form !== 0) pdfium.FPDFDOC_ExitFormFillEnvironment(this.#form)
    pdfium.FPDF_CloseDocument(this.#document)
    pdfium.free(this.#formInfo)
    pdfium.free(this.#data)
    releaseLibrary(this.#library)
  }
}

function createFormInfo(library: Library): number {
  const info = library.wasmExports.malloc(FORM_INFO_BYTES)
  library.HEAPU8.fill(0, info, info + FORM_INFO_BYTES)
  library.HEAPU8[info] = FORM_INFO_VERSION
  return info
}

export interface GrayImage {
  readonly width: number
  readonly height: number
  /** A byte for each point, row by row, 0 is black. */
  readonly data: Uint8Array
}

export class PdfiumPage {
  readonly #library: Library
  readonly pointer: number

  constructor(library: Library, pointer: number) {
    this.#library = library
    this.pointer = pointer
  }

  /** In points, as the page is shown. */
  get size(): { readonly width: number; readonly height: number } {
    const { wasmExports: pdfium } = this.#library
    return {
      width: pdfium.FPDF_GetPageWidthF(this.pointer),
      height: pdfium.FPDF_GetPageHeightF(this.pointer),
    }
  }

  /** The share of the page that its largest picture covers, 0 to 1. */
  largestPictureShare(): number {
    const { wasmExports: pdfium } = this.#library
    const { width, height } = this.size
    const bounds = pdfium.malloc(16)
    let largest = 0
    for (let index = 0; index < pdfium.FPDFPage_CountObjects(this.pointer); index += 1) {
      const object = pdfium.FPDFPage_GetObject(this.pointer, index)
      if (pdfium.FPDFPageObj_GetType(object) !== IMAGE) continue
      if (pdfium.FPDFPageObj_GetBounds(object, bounds, bounds + 4, bounds + 8, bounds + 12) === 0) continue
      const view = new DataView(this.#library.HEAPU8.buffer, bounds, 16)
      const [left, bottom, right, top] = [0, 4, 8, 12].map((at) => view.getFloat32(at, true)) as Box
      largest = Math.max(largest, Math.abs((right - left) * (top - bottom)))
    }
    pdfium.free(bounds)
    return Math.min(1, largest / (width * height))
  }

  /** Draws the page on white, `scale` pixels to a point. */
  render(scale: number): GrayImage {
    const { wasmExports: pdfium } = this.#library
    const width = Math.max(1, Math.round(this.size.width * scale))
    const height = Math.max(1, Math.round(this.size.height * scale))
    const pointer = pdfium.malloc(width * height)
    const bitmap = pdfium.FPDFBitmap_CreateEx(width, height, GRAY, pointer, width)
    pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE)
    pdfium.FPDF_RenderPageBitmap(bitmap, this.pointer, 0, 0, width, height, 0, WITH_ANNOTATIONS | GRAYSCALE)
    const data = this.#library.HEAPU8.slice(pointer, pointer + width * height)
    pdfium.FPDFBitmap_Destroy(bitmap)
    pdfium.free(pointer)
    return { width, height, data }
  }
}

type Box = [left: number, bottom: number, right: number, top: number]
