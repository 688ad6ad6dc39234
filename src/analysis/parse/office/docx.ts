import mammoth from 'mammoth'
import { TaskError } from '../../../task/failure.ts'
import { SectionBuilder, type SourceDocument } from '../document.ts'
import { readMarkup } from '../html/html.ts'
import { readCore } from './core-properties.ts'
import { writeChart } from './chart.ts'
import { linesIn } from './drawing.ts'
import { writeRemarks, writeRunningLines } from './remarks.ts'
import { readMetafile } from '../metafile.ts'
import { listObjectPictures, readComments, readRunningLines } from './word-parts.ts'
import { CHUNK_NAME, markChunks, placeChunks } from './word-chunks.ts'
import { parseXml, readRelations } from './xml.ts'
import { simplifyWordText, withoutLooks } from './word-text.ts'
import { openArchive, type Entries } from './zip.ts'

/** Pictures are not read; nothing that a document links to is opened. */
const OPTIONS = {
  convertImage: mammoth.images.imgElement(() => Promise.resolve({ src: '' })),
  externalFileAccess: false,
  styleMap: ["p[style-name='Title'] => h1:fresh", "p[style-name='Subtitle'] => p:fresh"],
}

/** What leads from a footnote back to its place. */
const BACK_LINK = /<a href="#(?:foot|end)note-ref[^"]*">↑<\/a>/g

/** What has text that the converter reads. */
const TEXTS = /^word\/(?:document|footnotes|endnotes)\d*\.xml$/i
const STYLES = /^word\/styles\d*\.xml$/i
/** What the text leads to, and the converter does not read. */
const DRAWINGS = /^word\/(?:charts\/chart[^/]*|diagrams\/data[^/]*|drawings\/[^/]*)\.xml$/i
const COMMENTS = 'word/comments.xml'
const HEADERS = /^word\/(?:header|footer)\d*\.xml$/i
const METAFILE = /^word\/media\/[^/]+\.[ew]mf$/i
const isWanted = (name: string) =>
  /\.(?:xml|rels)$/i.test(name) || CHUNK_NAME.test(name) || METAFILE.test(name)

/**
 * Reads a Word document (docx): its paragraphs under their headings; at its end charts, SmartArt and the texts of embedded tables,
 * headers and footers once each, and the comments of reviewers.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readDocx(bytes: Uint8Array): Promise<SourceDocument> {
  const entries = await openArchive(bytes, isWanted)
  const builder = new SectionBuilder()
  const title = readMarkup(await toHtml(entries), builder)
  readDrawings(entries, builder)
  readObjects(entries, builder)
  const running = [...entries].flatMap(([name, part]) => (HEADERS.test(name) ? readRunningLines(part) : []))
  writeRunningLines(running, builder)
  const remarks = writeRemarks(readComments(entries.get(COMMENTS)), builder)
  const core = readCore(entries)
  return {
    title: title ?? core.title,
    sections: builder.build(),
    pages: null,
    warnings: remarks,
    about: core.about,
  }
}

/** The text of a document, with other files that it has inside. @param depth how many documents it is inside of */
async function toHtml(entries: Entries, depth = 0): Promise<string> {
  const { value } = await mammoth.convertToHtml(toArchive(entries), OPTIONS).catch((error: unknown) => {
    throw new TaskError('input_rejected', 'The Word document is damaged and cannot be opened.', {
      cause: error,
    })
  })
  const convert = async (bytes: Uint8Array, inside: number) =>
    toHtml(await openArchive(bytes, isWanted), inside)
  return placeChunks(value.replace(BACK_LINK, ''), { entries, part: findText(entries), depth, convert })
}

function findText(entries: Entries): string {
  return [...readRelations(entries, '').values()].find((name) => TEXTS.test(name)) ?? 'word/document.xml'
}

/** The texts of the pictures that embedded tables and charts are shown by. */
function readObjects(entries: Entries, builder: SectionBuilder): void {
  const part = findText(entries)
  const ids = listObjectPictures(entries.get(part))
  if (ids.length === 0) return
  const relations = readRelations(entries, part)
  for (const id of ids) {
    const picture = entries.get(relations.get(id) ?? '')
    if (picture !== undefined) builder.paragraph(readMetafile(picture).join('\n'), { kind: 'table' })
  }
}

/** Charts, what is drawn on them, and the texts of SmartArt. */
function readDrawings(entries: Entries, builder: SectionBuilder): void {
  for (const name of [...entries.keys()].filter((each) => DRAWINGS.test(each))) {
    const drawing = parseXml(entries, name)
    if (name.startsWith('word/charts/')) writeChart(drawing, builder)
    else for (const line of linesIn(drawing)) builder.paragraph(line, { kind: 'item' })
  }
}

/** The unpacked entries as the converter's own archive, an input that its types do not name: it unpacks nothing again. */
function toArchive(entries: Entries): { readonly buffer: Buffer } {
  const read = (name: string, encoding?: string) => {
    const bytes = entries.get(name) ?? Buffer.alloc(0)
    if (encoding === undefined) return Promise.resolve(bytes)
    if (encoding === 'base64') return Promise.resolve(bytes.toString('base64'))
    const text = new TextDecoder().decode(bytes)
    if (TEXTS.test(name)) return Promise.resolve(markChunks(simplifyWordText(withoutLooks(text))))
    return Promise.resolve(STYLES.test(name) ? withoutLooks(text) : text)
  }
  const file = { exists: (name: string) => entries.has(name), read }
  return { file } as unknown as { readonly buffer: Buffer }
}
