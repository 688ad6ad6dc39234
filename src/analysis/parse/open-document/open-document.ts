import type { AboutDocument, SectionBuilder } from '../document.ts'
import { findFirst, isElement, listElements, parseXml, type XmlElement, type XmlNode } from '../office/xml.ts'
import { writeRemarks, writeRunningLines, type Remark } from '../office/remarks.ts'
import { encrypted, openArchive, type Entries } from '../office/zip.ts'

/** The part that holds the text of an OpenDocument file (ISO/IEC 26300). */
export const CONTENT = 'content.xml'
const META = 'meta.xml'
/** The part that holds headers and footers. */
const STYLES = 'styles.xml'
const MANIFEST = 'META-INF/manifest.xml'
/** What is not the text: deleted pieces, comments, notes, forms, how a word is pronounced. */
const LEFT_OUT = new Set([
  'text:tracked-changes',
  'office:annotation',
  'text:note',
  'office:forms',
  'text:table-of-content',
  'text:ruby-text',
])
const ROWS = new Set(['table:table-row'])
const CELLS = new Set(['table:table-cell'])
const PARAGRAPHS = new Set(['text:p', 'text:h'])
const COMMENTS = new Set(['office:annotation'])
/** Of the first, left and right pages too. */
const HEADERS = new Set(
  ['', '-first', '-left'].flatMap((page) => [`style:header${page}`, `style:footer${page}`]),
)

export interface OpenDocument {
  readonly entries: Entries
  readonly title: string | null
  readonly about: AboutDocument
}

/** @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`. */
export async function openDocument(bytes: Uint8Array): Promise<OpenDocument> {
  const entries = await openArchive(bytes, (name) => [CONTENT, META, STYLES, MANIFEST].includes(name))
  const manifest = entries.get(MANIFEST)?.toString('utf8') ?? ''
  if (manifest.includes('encryption-data')) throw encrypted()
  const meta = entries.has(META) ? parseXml(entries, META) : null
  const readMeta = (name: string) => (meta === null ? '' : (findFirst(meta, name)?.textContent?.trim() ?? ''))
  const author = readMeta('dc:creator')
  return { entries, title: readMeta('dc:title') || null, about: author === '' ? {} : { author } }
}

export function isLeftOut(node: XmlNode): boolean {
  return LEFT_OUT.has(node.nodeName)
}

/** The text of a paragraph, without the boxes in it; spaces, tabs and line breaks are elements of their own. */
export function readText(node: XmlNode): string {
  let text = ''
  for (const child of node.childNodes) {
    if (!isElement(child)) text += child.textContent ?? ''
    else if (/^text:(s|tab|line-break)$/.test(child.nodeName)) text += ' '
    else if (!isLeftOut(child) && !child.nodeName.startsWith('draw:')) text += readText(child)
  }
  return text
}

/** The rows of a table, a line each. */
export function toRows(table: XmlElement): string {
  const cell = (element: XmlElement) => [...listElements(element, PARAGRAPHS)].map(readText).join(' ')
  return [...listElements(table, ROWS)]
    .map((row) => [...listElements(row, CELLS)].map(cell).join(' | '))
    .join('\n')
}

/** The comments of reviewers in an element. */
export function listComments(element: XmlNode): Remark[] {
  return [...listElements(element, COMMENTS)].map((comment) => ({
    author: findFirst(comment, 'dc:creator')?.textContent?.trim() ?? '',
    text: [...listElements(comment, PARAGRAPHS)].map(readText).join(' '),
  }))
}

/** Headers and footers, once each, and the comments of a text; returns a warning where there are comments. */
export function writeAround(entries: Entries, text: XmlNode, builder: SectionBuilder): string[] {
  if (entries.has(STYLES)) {
    const headers = [...listElements(parseXml(entries, STYLES), HEADERS)]
    const lines = headers.flatMap((header) => [...listElements(header, PARAGRAPHS)])
    writeRunningLines(
      lines.map((line) => ({
        text: readText(line),
        hasPageNumber: findFirst(line, 'text:page-number') !== undefined,
      })),
      builder,
    )
  }
  return writeRemarks(listComments(text), builder)
}
