/* oxlint-disable no-underscore-dangle -- the names of PDFium's own interface */
import { PDFiumModule } from '@hyzyla/pdfium'

/** The part of PDFium's C interface (public/fpdfview.h and others) that is used here; numbers are pointers. */
interface Library {
  _FPDF_InitLibraryWithConfig(config: number): void
  _FPDF_LoadMemDocument(data: number, bytes: number, password: number): number
  _FPDF_CloseDocument(document: number): void
  _FPDF_GetPageCount(document: number): number
  _FPDF_LoadPage(document: number, index: number): number
  _FPDF_ClosePage(page: number): void
  _FPDF_GetPageWidthF(page: number): number
  _FPDF_GetPageHeightF(page: number): number
  _FPDFPage_CountObjects(page: number): number
  _FPDFPage_GetObject(page: number, index: number): number
  _FPDFPageObj_GetType(object: number): number
  _FPDFPageObj_GetBounds(object: number, left: number, bottom: number, right: number, top: number): number
  _FPDFBitmap_CreateEx(width: number, height: number, format: number, data: number, stride: number): number
  _FPDFBitmap_FillRect(
    bitmap: number,
    left: number,
    top: number,
    width: number,
    height: number,
    color: number,
  ): void
  _FPDFBitmap_Destroy(bitmap: number): void
  _FPDF_RenderPageBitmap(
    bitmap: number,
    page: number,
    left: number,
    top: number,
    width: number,
    height: number,
    rotation: number,
    flags: number,
  ): void
  readonly wasmExports: { malloc(bytes: number): number; free(pointer: number): void }
  readonly HEAPU8: Uint8Array
}

const GRAY = 1
const IMAGE = 3
const WHITE = 0xffffffff
/** Annotations are drawn, in shades of gray. */
const WITH_ANNOTATIONS = 0x01
const GRAYSCALE = 0x08

let library: Promise<Library> | null = null

/** A PDF opened by PDFium. Call `close` when it is read: WebAssembly has no garbage collector. */
export class PdfiumDocument {
  readonly #library: Library
  readonly #data: number
  readonly #document: number

  private constructor(library: Library, data: number, document: number) {
    this.#library = library
    this.#data = data
    this.#document = document
  }

  /** null when PDFium cannot open the file. */
  static async open(bytes: Uint8Array): Promise<PdfiumDocument | null> {
    library ??= loadLibrary()
    const pdfium = await library
    const data = pdfium.wasmExports.malloc(bytes.length)
    pdfium.HEAPU8.set(bytes, data)
    const document = pdfium._FPDF_LoadMemDocument(data, bytes.length, 0)
    if (document !== 0) return new PdfiumDocument(pdfium, data, document)
    pdfium.wasmExports.free(data)
    return null
  }

  /** Works with a page, 1 for the first; null when it cannot be opened. */
  withPage<Made>(number: number, use: (page: PdfiumPage) => Made): Made | null {
    const pointer = this.#library._FPDF_LoadPage(this.#document, number - 1)
    if (pointer === 0) return null
    try {
      return use(new PdfiumPage(this.#library, pointer))
    } finally {
      this.#library._FPDF_ClosePage(pointer)
    }
  }

  close(): void {
    this.#library._FPDF_CloseDocument(this.#document)
    this.#library.wasmExports.free(this.#data)
  }
}

export interface GrayImage {
  readonly width: number
  readonly height: number
  /** A byte for each point, row by row, 0 is black. */
  readonly data: Uint8Array
}

export class PdfiumPage {
  readonly #library: Library
  readonly #page: number

  constructor(library: Library, page: number) {
    this.#library = library
    this.#page = page
  }

  /** In points, as the page is shown. */
  get size(): { readonly width: number; readonly height: number } {
    const pdfium = this.#library
    return { width: pdfium._FPDF_GetPageWidthF(this.#page), height: pdfium._FPDF_GetPageHeightF(this.#page) }
  }

  /** The share of the page that its largest picture covers, 0 to 1. */
  largestPictureShare(): number {
    const pdfium = this.#library
    const { width, height } = this.size
    const bounds = pdfium.wasmExports.malloc(16)
    let largest = 0
    for (let index = 0; index < pdfium._FPDFPage_CountObjects(this.#page); index += 1) {
      const object = pdfium._FPDFPage_GetObject(this.#page, index)
      if (pdfium._FPDFPageObj_GetType(object) !== IMAGE) continue
      if (pdfium._FPDFPageObj_GetBounds(object, bounds, bounds + 4, bounds + 8, bounds + 12) === 0) continue
      const view = new DataView(pdfium.HEAPU8.buffer, bounds, 16)
      const [left, bottom, right, top] = [0, 4, 8, 12].map((at) => view.getFloat32(at, true)) as Box
      largest = Math.max(largest, Math.abs((right - left) * (top - bottom)))
    }
    pdfium.wasmExports.free(bounds)
    return Math.min(1, largest / (width * height))
  }

  /** Draws the page on white, `scale` pixels to a point. */
  render(scale: number): GrayImage {
    const pdfium = this.#library
    const width = Math.max(1, Math.round(this.size.width * scale))
    const height = Math.max(1, Math.round(this.size.height * scale))
    const pointer = pdfium.wasmExports.malloc(width * height)
    const bitmap = pdfium._FPDFBitmap_CreateEx(width, height, GRAY, pointer, width)
    pdfium._FPDFBitmap_FillRect(bitmap, 0, 0, width, height, WHITE)
    pdfium._FPDF_RenderPageBitmap(bitmap, this.#page, 0, 0, width, height, 0, WITH_ANNOTATIONS | GRAYSCALE)
    const data = pdfium.HEAPU8.slice(pointer, pointer + width * height)
    pdfium._FPDFBitmap_Destroy(bitmap)
    pdfium.wasmExports.free(pointer)
    return { width, height, data }
  }
}

type Box = [left: number, bottom: number, right: number, top: number]

async function loadLibrary(): Promise<Library> {
  const loaded = (await PDFiumModule({})) as unknown as Library
  const config = loaded.wasmExports.malloc(CONFIG_BYTES)
  loaded.HEAPU8.fill(0, config, config + CONFIG_BYTES)
  // Version 2, the rest of its settings as they are by default.
  loaded.HEAPU8[config] = 2
  loaded._FPDF_InitLibraryWithConfig(config)
  return loaded
}
const CONFIG_BYTES = 20
