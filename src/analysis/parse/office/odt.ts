import { SectionBuilder, type ParagraphKind, type SourceDocument } from '../document.ts'
import { listElements, findFirst, isElement, parseXml, type XmlElement, type XmlNode } from './xml.ts'
import { encrypted, openArchive } from './zip.ts'

const CONTENT = 'content.xml'
const META = 'meta.xml'
const MANIFEST = 'META-INF/manifest.xml'
/** What is not the text: deleted pieces, comments, notes, forms. */
const LEFT_OUT = new Set([
  'text:tracked-changes',
  'office:annotation',
  'text:note',
  'office:forms',
  'text:table-of-content',
])
const ROWS = new Set(['table:table-row'])
const CELLS = new Set(['table:table-cell'])
const PARAGRAPHS = new Set(['text:p', 'text:h'])

/**
 * Reads an OpenDocument text (odt): paragraphs and lists under their headings, tables, without notes and comments.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readOdt(bytes: Uint8Array): Promise<SourceDocument> {
  const entries = await openArchive(bytes, (name) => [CONTENT, META, MANIFEST].includes(name))
  const manifest = entries.get(MANIFEST)?.toString('utf8') ?? ''
  if (manifest.includes('encryption-data')) throw encrypted()
  const builder = new SectionBuilder()
  const text = findFirst(parseXml(entries, CONTENT), 'office:text')
  if (text !== undefined) readBlocks(text, builder, 'prose')
  const meta = entries.has(META) ? parseXml(entries, META) : null
  const readMeta = (name: string) => (meta === null ? '' : (findFirst(meta, name)?.textContent?.trim() ?? ''))
  const author = readMeta('dc:creator')
  return {
    title: readMeta('dc:title') || null,
    sections: builder.build(),
    pages: null,
    warnings: [],
    about: author === '' ? {} : { author },
  }
}

function readBlocks(parent: XmlNode, builder: SectionBuilder, kind: ParagraphKind): void {
  for (const node of parent.childNodes) {
    if (!isElement(node) || LEFT_OUT.has(node.nodeName)) continue
    if (node.nodeName === 'text:h') builder.heading(readText(node))
    else if (node.nodeName === 'text:p') builder.paragraph(readText(node), { kind })
    else if (node.nodeName === 'table:table') builder.paragraph(toRows(node), { kind: 'table' })
    else readBlocks(node, builder, node.nodeName === 'text:list' ? 'item' : kind)
  }
}

function toRows(table: XmlElement): string {
  const cell = (element: XmlElement) => [...listElements(element, PARAGRAPHS)].map(readText).join(' ')
  return [...listElements(table, ROWS)]
    .map((row) => [...listElements(row, CELLS)].map(cell).join(' | '))
    .join('\n')
}

/** The text of a paragraph: spaces, tabs and line breaks are elements of their own. */
function readText(node: XmlNode): string {
  let text = ''
  for (const child of node.childNodes) {
    if (!isElement(child)) text += child.textContent ?? ''
    else if (/^text:(s|tab|line-break)$/.test(child.nodeName)) text += ' '
    else if (!LEFT_OUT.has(child.nodeName)) text += readText(child)
  }
  return text
}
