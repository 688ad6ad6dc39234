import { PDFiumModule } from '@hyzyla/pdfium'

/**
 * The part of PDFium's C interface (public/fpdfview.h, fpdf_text.h, fpdf_annot.h and others) that is used here. Pointers
 * are numbers; what a function gives back beside its result, it writes to a pointer.
 */
interface Pdfium {
  malloc(bytes: number): number
  free(pointer: number): void
  FPDF_InitLibraryWithConfig(config: number): void
  FPDF_GetLastError(): number
  FPDF_LoadMemDocument(data: number, bytes: number, password: number): number
  FPDF_CloseDocument(document: number): void
  FPDF_GetPageCount(document: number): number
  FPDF_LoadPage(document: number, index: number): number
  FPDF_ClosePage(page: number): void
  FPDF_GetPageWidthF(page: number): number
  FPDF_GetPageHeightF(page: number): number
  FPDFPage_CountObjects(page: number): number
  FPDFPage_GetObject(page: number, index: number): number
  FPDFPageObj_GetType(object: number): number
  FPDFPageObj_GetBounds(object: number, left: number, bottom: number, right: number, top: number): number
  FPDFBitmap_CreateEx(width: number, height: number, format: number, data: number, stride: number): number
  // prettier-ignore
  FPDFBitmap_FillRect(bitmap: number, left: number, top: number, width: number, height: number, color: number): void
  FPDFBitmap_Destroy(bitmap: number): void
  // prettier-ignore
  FPDF_RenderPageBitmap(bitmap: number, page: number, left: number, top: number, width: number, height: number, rotation: number, flags: number): void
  FPDFText_LoadPage(page: number): number
  FPDFText_ClosePage(text: number): void
  FPDFText_CountChars(text: number): number
  FPDFText_GetUnicode(text: number, index: number): number
  FPDFText_IsGenerated(text: number, index: number): number
  FPDFText_IsHyphen(text: number, index: number): number
  FPDFText_GetTextObject(text: number, index: number): number
  FPDFText_GetCharOrigin(text: number, index: number, x: number, y: number): number
  FPDFText_GetLooseCharBox(text: number, index: number, rectangle: number): number
  FPDFText_GetMatrix(text: number, index: number, matrix: number): number
  FPDFText_GetFontSize(text: number, index: number): number
  FPDFTextObj_GetFont(object: number): number
  FPDFFont_GetBaseFontName(font: number, buffer: number, bytes: number): number
  FPDFDOC_InitFormFillEnvironment(document: number, info: number): number
  FPDFDOC_ExitFormFillEnvironment(form: number): void
  FPDF_GetFormType(document: number): number
  FPDFPage_GetAnnotCount(page: number): number
  FPDFPage_GetAnnot(page: number, index: number): number
  FPDFPage_RemoveAnnot(page: number, index: number): number
  FPDFPage_Flatten(page: number, usage: number): number
  FPDFPage_CloseAnnot(annotation: number): void
  FPDFAnnot_GetSubtype(annotation: number): number
  FPDFAnnot_GetFlags(annotation: number): number
  FPDFAnnot_GetRect(annotation: number, rectangle: number): number
  FPDFAnnot_GetStringValue(annotation: number, key: number, buffer: number, bytes: number): number
  FPDFAnnot_GetFormFieldType(form: number, annotation: number): number
  FPDFAnnot_GetFormFieldValue(form: number, annotation: number, buffer: number, bytes: number): number
  FPDFAnnot_GetOptionCount(form: number, annotation: number): number
  FPDFAnnot_IsOptionSelected(form: number, annotation: number, index: number): number
  // prettier-ignore
  FPDFAnnot_GetOptionLabel(form: number, annotation: number, index: number, buffer: number, bytes: number): number
}

/** PDFium with its memory. The views are replaced when the memory grows: read them anew after every call. */
export interface Library {
  /** Called directly: the functions around them check their arguments on every call. */
  readonly wasmExports: Pdfium
  readonly HEAPU8: Uint8Array
  readonly HEAPF32: Float32Array
  readonly HEAPF64: Float64Array
}

/** WebAssembly gives no memory back: an instance that has grown beyond this is replaced. */
const MAX_KEPT_BYTES = 128 * 1024 * 1024

let library: Promise<Library> | null = null

export function getLibrary(): Promise<Library> {
  library ??= loadLibrary()
  return library
}

/** Forgets the instance when a document has made its memory large. */
export function releaseLibrary({ HEAPU8 }: Library): void {
  if (HEAPU8.length > MAX_KEPT_BYTES) library = null
}

/** Forgets the instance: after a trap its state is undefined, also for other documents. */
export function dropLibrary(): void {
  library = null
}

/** Whether an error came out of WebAssembly: a trap, an abort, or a stack that was used up. */
export function isTrap(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && error.name === 'RuntimeError')
}

type Write = (buffer: number, bytes: number) => number

/** Calls a function that writes UTF-16 with a closing NUL, and says how many bytes that takes. */
export function readWide(library: Library, write: Write): string {
  return readString(library, write, 'utf16le').replace(/\0$/, '')
}

/** Calls a function that writes bytes with a closing NUL, and says how many that takes. */
export function readBytes(library: Library, write: Write): string {
  return readString(library, write, 'latin1').replace(/\0$/, '')
}

function readString(library: Library, write: Write, encoding: BufferEncoding): string {
  const bytes = write(0, 0)
  if (bytes === 0) return ''
  const buffer = library.wasmExports.malloc(bytes)
  write(buffer, bytes)
  const text = Buffer.from(library.HEAPU8.subarray(buffer, buffer + bytes)).toString(encoding)
  library.wasmExports.free(buffer)
  return text
}

async function loadLibrary(): Promise<Library> {
  const loaded = (await PDFiumModule({})) as unknown as Library
  const config = loaded.wasmExports.malloc(CONFIG_BYTES)
  loaded.HEAPU8.fill(0, config, config + CONFIG_BYTES)
  // Version 2, the rest of its settings as they are by default.
  loaded.HEAPU8[config] = 2
  loaded.wasmExports.FPDF_InitLibraryWithConfig(config)
  return loaded
}
const CONFIG_BYTES = 20
