import type { AboutDocument, SectionBuilder } from '../document.ts'
import { findFirst, isElement, listElements, parseXml, type XmlElement, type XmlNode } from '../office/xml.ts'
import { writeRemarks, writeRunningLines, type Remark } from '../office/remarks.ts'
import { isFormula, toLinear } from './formula.ts'
import { decodeText } from '../text/encoding.ts'
import { encrypted, openArchive, type Entries } from '../office/zip.ts'

/** The part that holds the text of an OpenDocument file (ISO/IEC 26300). */
export const CONTENT = 'content.xml'
const META = 'meta.xml'
/** The part that holds headers and footers, and master pages. */
export const STYLES = 'styles.xml'
const MANIFEST = 'META-INF/manifest.xml'
const PARTS = new Set([CONTENT, META, STYLES, MANIFEST])
/** The content of an embedded chart or formula, and where the text has it. */
const OBJECT_PART = /^[^/]{1,100}\/content\.xml$/
const OBJECT = /<draw:object(?=\s)[^<>]{0,1000}?\sxlink:href="(?:\.\/)?([^"/]{1,100})\/?"[^<>]{0,1000}\/>/g
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

/**
 * Opens an archive of parts, or a flat document: one XML file that holds all of them.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function openDocument(bytes: Uint8Array): Promise<OpenDocument> {
  const isArchive = bytes[0] === 0x50 && bytes[1] === 0x4b
  const entries = isArchive
    ? withObjects(await openArchive(bytes, (name) => PARTS.has(name) || OBJECT_PART.test(name)))
    : splitFlat(bytes)
  const manifest = entries.get(MANIFEST)?.toString('utf8') ?? ''
  if (manifest.includes('encryption-data')) throw encrypted()
  const meta = entries.has(META) ? parseXml(entries, META) : null
  const readMeta = (name: string) => (meta === null ? '' : (findFirst(meta, name)?.textContent?.trim() ?? ''))
  const author = readMeta('dc:creator')
  return { entries, title: readMeta('dc:title') || null, about: author === '' ? {} : { author } }
}

/** Charts and formulas are put where the text has them, as in a flat document; each once. */
function withObjects(entries: Entries): Entries {
  const content = entries.get(CONTENT)?.toString('utf8') ?? ''
  const used = new Set<string>()
  const made = content.replace(OBJECT, (element: string, folder: string) => {
    const part = entries.get(`${folder}/${CONTENT}`)
    if (part === undefined || used.has(folder)) return element
    used.add(folder)
    return `<draw:object>${part.toString('utf8').replace(PROLOGUE, '')}</draw:object>`
  })
  return used.size === 0 ? entries : new Map([...entries, [CONTENT, Buffer.from(made)]])
}

const PROLOGUE = /^\s*<\?xml[^>]*>|<!DOCTYPE[^>]*>/g

/** Pictures and programs, in Base64. */
const BINARY = /<office:binary-data>[^<]*<\/office:binary-data>/g

/** The parts of a flat document. */
function splitFlat(bytes: Uint8Array): Entries {
  const text = decodeText(bytes, { isMarkup: true }).text.replace(BINARY, '')
  const cut = (name: string) => {
    const end = text.indexOf(`</${name}>`)
    return Buffer.from(text.slice(text.indexOf(`<${name}`), Math.max(0, end)))
  }
  return new Map([
    [CONTENT, Buffer.from(text)],
    [META, cut('office:meta')],
    [STYLES, cut('office:master-styles')],
  ])
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
    else if (child.nodeName === 'draw:frame') text += readFormula(child)
    else if (!isLeftOut(child) && !child.nodeName.startsWith('draw:')) text += readText(child)
  }
  return text
}

/** The formula of a frame, between spaces as other words; other frames have none. */
function readFormula(frame: XmlElement): string {
  const object = findFirst(frame, 'draw:object')
  const formula = object === undefined ? undefined : findFormula(object)
  return formula === undefined ? '' : ` ${toLinear(formula)} `
}

/** The formula that an embedded object is; undefined: it is something else. */
export function findFormula(object: XmlElement): XmlElement | undefined {
  return [...object.childNodes].filter(isElement).find(isFormula)
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
