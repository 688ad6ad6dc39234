import { SectionBuilder, type SourceDocument } from '../document.ts'
import {
  findFirst,
  isElement,
  listElements,
  parseXml,
  readRelations,
  type XmlElement,
  type XmlNode,
} from './xml.ts'
import { writeChart } from './chart.ts'
import { linesIn } from './drawing.ts'
import { readMetafile } from '../metafile.ts'
import { CORE, readCore } from './core-properties.ts'
import { writeRemarks, writeRunningLines, type Remark } from './remarks.ts'
import { readSlideComments } from './slide-comments.ts'
import { openArchive, type Entries } from './zip.ts'

const PRESENTATION = 'ppt/presentation.xml'
const WANTED =
  /^ppt\/(presentation\.xml|authors\.xml|commentAuthors\.xml|_rels\/|slides\/|notesSlides\/|comments\/|slideLayouts\/|slideMasters\/|charts\/|drawings\/_rels\/|drawings\/[^/]+\.xml$|media\/[^/]+\.[ew]mf$|diagrams\/data)/i
const TITLES = new Set(['title', 'ctrTitle'])
/** Headers and footers that appear on every slide: they are read once. */
const RUNNING = new Set(['ftr', 'hdr'])
/** With numbers and dates. */
const APPARATUS = new Set(['sldNum', 'dt', 'ftr', 'hdr', 'sldImg'])
const SHAPES = new Set(['p:sp', 'a:tbl'])
const ALTERNATIVES = 'mc:AlternateContent'
const HIDES_MASTER = /\sshowMasterSp="(?:0|false)"/
const DRAWING = /^ppt\/(?:diagrams|drawings)\/[^/]+\.xml$/
const METAFILE = /\.[ew]mf$/i
/** Text that is more than the signs of a formula or a scale. */
const WORD = /\p{L}{3}/u
/** The root element of a part is within these. */
const ROOT_BYTES = 2048

/**
 * Reads a presentation (pptx): a section for each slide, under its title, with its tables, the data of its charts, the texts of
 * its SmartArt, and the speaker's notes; at its end footers and the texts of layouts and masters once each, and the comments of
 * reviewers.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readPptx(bytes: Uint8Array): Promise<SourceDocument> {
  const entries = await openArchive(bytes, (name) => name === CORE || WANTED.test(name))
  const relations = readRelations(entries, PRESENTATION)
  const ids = [...listElements(parseXml(entries, PRESENTATION), new Set(['p:sldId']))]
  const slides = ids.flatMap((id) => relations.get(id.getAttribute('r:id') ?? '') ?? [])
  const builder = new SectionBuilder()
  const remarks: Remark[] = []
  const running = listBackgrounds(entries, slides).flatMap((part) => readBackground(entries, part))
  const seen = new Set<string>()
  for (const [index, slide] of slides.entries()) {
    running.push(...readSlide(entries, slide, { builder, page: index + 1, seen }))
    remarks.push(...readSlideComments(entries, slide).map((remark) => ({ ...remark, page: index + 1 })))
  }
  writeRunningLines(
    running.map((text) => ({ text, hasPageNumber: false })),
    builder,
  )
  const warnings = writeRemarks(remarks, builder)
  return { sections: builder.build(), pages: slides.length, warnings, ...readCore(entries) }
}

/** The layouts and masters that slides are on; a slide or a layout may hide its master. */
function listBackgrounds(entries: Entries, slides: readonly string[]): string[] {
  const backgrounds = new Set<string>()
  const add = (part: string, folder: string) => {
    if (HIDES_MASTER.test(entries.get(part)?.subarray(0, ROOT_BYTES).toString('utf8') ?? '')) return
    for (const target of readRelations(entries, part).values())
      if (target.startsWith(folder) && entries.has(target)) backgrounds.add(target)
  }
  for (const slide of slides) add(slide, 'ppt/slideLayouts/')
  for (const layout of backgrounds) add(layout, 'ppt/slideMasters/')
  return [...backgrounds]
}

/** What is written on a layout or a master itself appears on every slide; what stands in its places is only a hint. */
function readBackground(entries: Entries, part: string): string[] {
  const shapes = [...listElements(parseXml(entries, part), SHAPES)]
  return shapes.filter((shape) => placeOf(shape) === '').flatMap(linesIn)
}

interface Slide {
  readonly builder: SectionBuilder
  /** 1 for the first slide. */
  readonly page: number
  /** Pictures that were read. */
  readonly seen: Set<string>
}

/** Reads one slide, and returns the lines of its headers and footers. */
function readSlide(entries: Entries, name: string, { builder, page, seen }: Slide): string[] {
  const shapes = listShapes(parseXml(entries, name))
  const title = shapes.find((shape) => TITLES.has(placeOf(shape)))
  builder.heading(title === undefined ? `${page}` : linesIn(title).join(' '))
  for (const shape of shapes) {
    if (shape === title || APPARATUS.has(placeOf(shape))) continue
    if (shape.nodeName === 'a:tbl') builder.paragraph(rowsIn(shape), { page, kind: 'table' })
    else for (const line of linesIn(shape)) builder.paragraph(line, { page, kind: 'item' })
  }
  readObjects(entries, name, { builder, page, seen })
  const notes = relatedParts(entries, name).find((part) => part.startsWith('ppt/notesSlides/'))
  const noted = notes === undefined ? [] : [...listElements(parseXml(entries, notes), SHAPES)]
  for (const shape of noted) {
    if (!APPARATUS.has(placeOf(shape))) for (const line of linesIn(shape)) builder.paragraph(line, { page })
  }
  return [...shapes, ...noted].filter((shape) => RUNNING.has(placeOf(shape))).flatMap(linesIn)
}

/** Charts with what is drawn on them, SmartArt, and the texts of vector pictures. */
function readObjects(entries: Entries, slide: string, { builder, page, seen }: Slide): void {
  for (const part of relatedParts(entries, slide)) {
    const isChart = part.startsWith('ppt/charts/')
    if (isChart) writeChart(parseXml(entries, part), builder, page)
    const drawings = isChart ? relatedParts(entries, part) : [part]
    for (const drawing of drawings.filter((name) => DRAWING.test(name)))
      for (const line of linesIn(parseXml(entries, drawing))) builder.paragraph(line, { page, kind: 'item' })
  }
  for (const picture of listMetafiles(entries, slide)) {
    const text = seen.has(picture) ? '' : readMetafile(entries.get(picture) as Buffer).join('\n')
    seen.add(picture)
    if (WORD.test(text)) builder.paragraph(text, { page, kind: 'table' })
  }
}

/** The shapes of a slide. Of two forms of one, for newer and for older programs, the newer one, if it is known. */
function listShapes(node: XmlNode): XmlElement[] {
  const found = [...listElements(node, new Set([...SHAPES, ALTERNATIVES]))]
  return found.flatMap((element) => (element.nodeName === ALTERNATIVES ? chooseForm(element) : [element]))
}

function chooseForm(alternatives: XmlElement): XmlElement[] {
  for (const form of [...alternatives.childNodes].filter(isElement)) {
    const shapes = listShapes(form)
    // A chart has a text in its place that says that it cannot be shown.
    if (shapes.length > 0 || findFirst(form, 'p:graphicFrame') !== undefined) return shapes
  }
  return []
}

/** The vector pictures of a slide, those too that embedded workbooks and documents are shown by. */
function listMetafiles(entries: Entries, slide: string): string[] {
  const names = [...readRelations(entries, slide).values()]
  const older = names.filter((name) => name.endsWith('.vml'))
  return [slide, ...older]
    .flatMap((part) => relatedParts(entries, part))
    .filter((name) => METAFILE.test(name))
}

function relatedParts(entries: Entries, part: string): string[] {
  return [...readRelations(entries, part).values()].filter((name) => entries.has(name))
}

/** The role of a shape on its slide: `title`, `body`, `sldNum`; empty for none. */
function placeOf(shape: XmlElement): string {
  const place = findFirst(shape, 'p:ph')
  return place === undefined ? '' : (place.getAttribute('type') ?? 'body')
}

function rowsIn(table: XmlElement): string {
  const cells = (row: XmlElement) =>
    [...listElements(row, new Set(['a:tc']))].map((cell) => linesIn(cell).join(' '))
  const rows = [...listElements(table, new Set(['a:tr']))].map(cells)
  return rows
    .filter((row) => row.some((text) => text !== ''))
    .map((row) => row.join(' | '))
    .join('\n')
}
