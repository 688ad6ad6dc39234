import { SectionBuilder, type SourceDocument } from '../document.ts'
import { writeChart } from './object-chart.ts'
import { toLinear } from './formula.ts'
import {
  CONTENT,
  findFormula,
  isLeftOut,
  listComments,
  openDocument,
  readText,
  toRows,
} from './open-document.ts'
import { readMasterPages } from './master-pages.ts'
import { writeRemarks, writeRunningLines } from '../office/remarks.ts'
import { listElements, parseXml, type XmlElement } from '../office/xml.ts'

const PAGES = new Set(['draw:page'])
const BLOCKS = new Set([
  'text:p',
  'text:h',
  'table:table',
  'presentation:notes',
  'draw:frame',
  'draw:object',
  'office:annotation',
])
const TITLES = new Set(['title'])

interface Slide {
  readonly builder: SectionBuilder
  /** 1 for the first slide. */
  readonly page: number
}

/**
 * Reads an OpenDocument presentation (odp): a section for each slide, under its title, with its tables and the speaker's notes;
 * at its end what its master pages write on every slide, once, and the comments of reviewers.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readOdp(bytes: Uint8Array): Promise<SourceDocument> {
  const { entries, title, about } = await openDocument(bytes)
  const builder = new SectionBuilder()
  const content = parseXml(entries, CONTENT)
  const slides = [...listElements(content, PAGES)]
  for (const [index, slide] of slides.entries()) readSlide(slide, { builder, page: index + 1 })
  const remarks = slides.flatMap((slide, index) =>
    listComments(slide).map((remark) => ({ ...remark, page: index + 1 })),
  )
  writeRunningLines(readMasterPages(entries, content, slides), builder)
  const warnings = writeRemarks(remarks, builder)
  return { title, sections: builder.build(), pages: slides.length, warnings, about }
}

function readSlide(slide: XmlElement, { builder, page }: Slide): void {
  const blocks = [...listElements(slide, BLOCKS)]
  const title = blocks.find((block) => TITLES.has(block.getAttribute('presentation:class') ?? ''))
  const heading = title === undefined ? '' : linesIn(title).join(' ')
  builder.heading(heading === '' ? `${page}` : heading)
  for (const block of blocks) if (block !== title) readBlock(block, { builder, page })
}

function readBlock(block: XmlElement, { builder, page }: Slide): void {
  if (isLeftOut(block)) return
  if (block.nodeName === 'draw:object') return writeObject(block, { builder, page })
  if (block.nodeName === 'table:table') return builder.paragraph(toRows(block), { page, kind: 'table' })
  if (block.nodeName === 'presentation:notes') {
    for (const line of linesIn(block)) builder.paragraph(line, { page })
    return
  }
  if (block.nodeName !== 'draw:frame') return builder.paragraph(readText(block), { page, kind: 'item' })
  for (const inner of listElements(block, BLOCKS)) readBlock(inner, { builder, page })
}

function writeObject(object: XmlElement, { builder, page }: Slide): void {
  const formula = findFormula(object)
  if (formula === undefined) writeChart(object, builder, page)
  else builder.paragraph(toLinear(formula), { page, kind: 'item' })
}

function linesIn(element: XmlElement): string[] {
  return [...listElements(element, new Set(['text:p', 'text:h']))].map(readText)
}
