import { SectionBuilder, type ParagraphKind, type SourceDocument } from '../document.ts'
import { writeChart } from './object-chart.ts'
import { CONTENT, isLeftOut, openDocument, readText, toRows, writeAround } from './open-document.ts'
import { findFirst, isElement, listElements, parseXml, type XmlNode } from '../office/xml.ts'

/** What is read behind the paragraph or table that has it: notes, and boxes with text. */
const ASIDES = new Set([
  'text:note-body',
  'draw:object',
  'draw:text-box',
  'draw:custom-shape',
  'draw:rect',
  'draw:ellipse',
  'draw:polygon',
  'draw:path',
])
const WITH_ASIDES = new Set(['text:h', 'text:p', 'table:table'])

/**
 * Reads an OpenDocument text (odt): paragraphs and lists under their headings, tables; footnotes, text boxes and charts behind
 * the paragraph or table that has them; at its end headers and footers once each, and the comments of reviewers.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readOdt(bytes: Uint8Array): Promise<SourceDocument> {
  const { entries, title, about } = await openDocument(bytes)
  const builder = new SectionBuilder()
  const text = findFirst(parseXml(entries, CONTENT), 'office:text')
  if (text !== undefined) readBlocks(text, builder, 'prose')
  const warnings = text === undefined ? [] : writeAround(entries, text, builder)
  return { title, sections: builder.build(), pages: null, warnings, about }
}

function readBlocks(parent: XmlNode, builder: SectionBuilder, kind: ParagraphKind): void {
  for (const node of parent.childNodes) {
    if (!isElement(node) || isLeftOut(node)) continue
    if (node.nodeName === 'text:h') builder.heading(readText(node))
    else if (node.nodeName === 'text:p') builder.paragraph(readText(node), { kind })
    else if (node.nodeName === 'draw:object') writeChart(node, builder)
    else if (node.nodeName === 'table:table') builder.paragraph(toRows(node), { kind: 'table' })
    else readBlocks(node, builder, node.nodeName === 'text:list' ? 'item' : kind)
    if (!WITH_ASIDES.has(node.nodeName)) continue
    for (const aside of listElements(node, ASIDES)) {
      if (aside.nodeName === 'draw:object') writeChart(aside, builder)
      else if (aside.nodeName === 'text:note-body') builder.paragraph(readText(aside), { kind: 'aside' })
      else readBlocks(aside, builder, 'prose')
    }
  }
}
