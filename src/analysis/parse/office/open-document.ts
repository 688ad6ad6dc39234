import type { AboutDocument } from '../document.ts'
import { findFirst, isElement, listElements, parseXml, type XmlElement, type XmlNode } from './xml.ts'
import { encrypted, openArchive, type Entries } from './zip.ts'

/** The part that holds the text of an OpenDocument file (ISO/IEC 26300). */
export const CONTENT = 'content.xml'
const META = 'meta.xml'
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

export interface OpenDocument {
  readonly entries: Entries
  readonly title: string | null
  readonly about: AboutDocument
}

/** @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`. */
export async function openDocument(bytes: Uint8Array): Promise<OpenDocument> {
  const entries = await openArchive(bytes, (name) => [CONTENT, META, MANIFEST].includes(name))
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
