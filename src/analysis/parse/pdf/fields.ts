import { readWide, type Library } from './library.ts'
import type { PdfItem } from './lines.ts'

/** Of fpdf_annot.h and fpdf_formfill.h. */
const FREE_TEXT = 3
const WIDGET = 20
const HIDDEN = 0x02
const CHECK_BOX = 2
const RADIO_BUTTON = 3
const COMBO_BOX = 4
const LIST_BOX = 5
const PUSH_BUTTON = 1
const SIGNATURE = 7
/** A box that is checked has the name of its state; a button has none. */
const WITHOUT_TEXT: ReadonlySet<number> = new Set([CHECK_BOX, RADIO_BUTTON, PUSH_BUTTON, SIGNATURE])
const RECTANGLE_BYTES = 16

const STAMP = 13
/** Annotations become part of the page as they are shown on a screen. */
const FLAT_AS_SHOWN = 0
const FLATTENED = 1

const FIELD_SIZE = 10

/** What was typed into a form, or put on a page as a box of text. */
export interface TypedText {
  readonly text: string
  readonly left: number
  readonly bottom: number
  readonly right: number
  readonly top: number
}

/** Lists what was typed on a page. `form` is 0 where the document has none. */
export function listTyped(library: Library, page: number, form: number): TypedText[] {
  const { wasmExports: pdfium } = library
  return Array.from({ length: pdfium.FPDFPage_GetAnnotCount(page) }, (_, index) => {
    const annotation = pdfium.FPDFPage_GetAnnot(page, index)
    if (annotation === 0) return []
    const text = readText(library, annotation, form).replace(/\s+/g, ' ').trim()
    const found = text === '' ? [] : [{ text, ...readRectangle(library, annotation) }]
    pdfium.FPDFPage_CloseAnnot(annotation)
    return found
  }).flat()
}

/**
 * Makes what signatures and stamps show a part of what the page draws, and removes the other annotations. The page is to
 * be loaded anew then.
 *
 * @returns false when the page has neither
 */
export function flattenSignatures({ wasmExports: pdfium }: Library, page: number, form: number): boolean {
  let isFound = false
  for (let index = pdfium.FPDFPage_GetAnnotCount(page) - 1; index >= 0; index -= 1) {
    const annotation = pdfium.FPDFPage_GetAnnot(page, index)
    const subtype = annotation === 0 ? 0 : pdfium.FPDFAnnot_GetSubtype(annotation)
    const isSignature =
      subtype === WIDGET && form !== 0 && pdfium.FPDFAnnot_GetFormFieldType(form, annotation) === SIGNATURE
    if (annotation !== 0) pdfium.FPDFPage_CloseAnnot(annotation)
    if (isSignature || subtype === STAMP) isFound = true
    else pdfium.FPDFPage_RemoveAnnot(page, index)
  }
  return isFound && pdfium.FPDFPage_Flatten(page, FLAT_AS_SHOWN) === FLATTENED
}

function readText(library: Library, annotation: number, form: number): string {
  const { wasmExports: pdfium } = library
  const subtype = pdfium.FPDFAnnot_GetSubtype(annotation)
  if (subtype !== WIDGET && subtype !== FREE_TEXT) return ''
  if ((pdfium.FPDFAnnot_GetFlags(annotation) & HIDDEN) !== 0) return ''
  const value = subtype === WIDGET ? readValue(library, annotation, form) : ''
  return value === null || value !== '' ? (value ?? '') : readEntry(library, annotation, 'Contents')
}

/** The value of a field; null for one that has no text. */
function readValue(library: Library, annotation: number, form: number): string | null {
  const { wasmExports: pdfium } = library
  if (form === 0) return readEntry(library, annotation, 'V')
  const type = pdfium.FPDFAnnot_GetFormFieldType(form, annotation)
  if (WITHOUT_TEXT.has(type)) return null
  const chosen = type === COMBO_BOX || type === LIST_BOX ? readChosen(library, annotation, form) : ''
  if (chosen !== '') return chosen
  return readWide(library, (buffer, bytes) =>
    pdfium.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, bytes),
  )
}

/** The options that are chosen in a list, as they are shown. */
function readChosen(library: Library, annotation: number, form: number): string {
  const { wasmExports: pdfium } = library
  const options = Array.from(
    { length: Math.max(0, pdfium.FPDFAnnot_GetOptionCount(form, annotation)) },
    (_, index) => index,
  )
  return options
    .filter((index) => pdfium.FPDFAnnot_IsOptionSelected(form, annotation, index) === 1)
    .map((index) =>
      readWide(library, (buffer, bytes) =>
        pdfium.FPDFAnnot_GetOptionLabel(form, annotation, index, buffer, bytes),
      ),
    )
    .join(', ')
}

function readEntry(library: Library, annotation: number, key: string): string {
  const { wasmExports: pdfium } = library
  const name = pdfium.malloc(key.length + 1)
  library.HEAPU8.set(Buffer.from(`${key}\0`, 'latin1'), name)
  const text = readWide(library, (buffer, bytes) =>
    pdfium.FPDFAnnot_GetStringValue(annotation, name, buffer, bytes),
  )
  pdfium.free(name)
  return text
}

function readRectangle(library: Library, annotation: number) {
  const { wasmExports: pdfium } = library
  const at = pdfium.malloc(RECTANGLE_BYTES)
  pdfium.FPDFAnnot_GetRect(annotation, at)
  const [left = 0, top = 0, right = 0, bottom = 0] = library.HEAPF32.slice(at >> 2, (at >> 2) + 4)
  pdfium.free(at)
  return {
    left: Math.min(left, right),
    bottom: Math.min(bottom, top),
    right: Math.max(left, right),
    top: Math.max(bottom, top),
  }
}

/** Puts what was typed into a form behind what is drawn before it on its line, as its label mostly is. */
export function withTyped(drawn: readonly PdfItem[], typed: readonly TypedText[]): PdfItem[] {
  const all = [...drawn]
  const known = new Set(drawn.map(({ text }) => text.trim()))
  for (const { text, left, bottom, right, top } of typed) {
    // What a field shows may be drawn on the page as well.
    if (known.has(text)) continue
    const height = top - bottom
    const size = Math.min(height, FIELD_SIZE)
    const y = height > 2 * FIELD_SIZE ? top - size : bottom
    const label = all.findLastIndex((item) => Math.abs(item.y - y) < FIELD_SIZE && item.x <= left)
    const before = all[label]
    const item = {
      text,
      x: left,
      y: before?.y ?? y,
      width: right - left,
      size: before?.size ?? size,
      font: before?.font ?? '',
    }
    all.splice(label < 0 ? all.length : label + 1, 0, item)
  }
  return all
}
