import type { SectionBuilder } from '../document.ts'
import { readRelations } from '../office/xml.ts'
import { readXml } from '../office/xml-stream.ts'
import type { Entries } from '../office/zip.ts'
import { isProse } from './table-facts.ts'

/** The paragraphs of the text boxes and shapes that lie over a sheet of a workbook (DrawingML, ECMA-376, 20.5). */
export function readShapes(entries: Entries, sheet: string): string[] {
  const parts = [...readRelations(entries, sheet).values()].filter((part) =>
    /\/drawings\/[^/]+\.xml$/i.test(part),
  )
  return parts.flatMap((part) => readParagraphs(entries.get(part)))
}

function readParagraphs(bytes: Buffer | undefined): string[] {
  const paragraphs: string[] = []
  let isText = false
  readXml(bytes, {
    open: (name) => {
      isText = name === 't'
      if (name === 'p') paragraphs.push('')
      if (name === 'br') paragraphs.push(`${paragraphs.pop() ?? ''} `)
    },
    text: (data) => {
      if (isText) paragraphs.push((paragraphs.pop() ?? '') + data)
    },
    close: () => (isText = false),
  })
  return paragraphs.map((text) => text.trim()).filter((text) => text !== '')
}

/** Sentences are text of the sheet, as those in its cells are; labels of a drawing are about it. */
export function writeShapes(paragraphs: readonly string[], builder: SectionBuilder): void {
  for (const text of paragraphs) builder.paragraph(text, { kind: isProse(text) ? 'prose' : 'aside' })
}
