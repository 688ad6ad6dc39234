import type { SectionBuilder } from '../document.ts'
import type { Remark } from '../office/remarks.ts'
import { readRelations } from '../office/xml.ts'
import { readXml } from '../office/xml-stream.ts'
import type { Entries } from '../office/zip.ts'
import { isProse } from './table-facts.ts'

/** What somebody wrote on a cell to explain it. */
export interface CellNote {
  /** Such as `B2`. */
  readonly cell: string
  readonly text: string
}

/** Notes are sentences of the table, as those in its cells are; shorter ones are about a cell. */
export function writeNotes(notes: readonly CellNote[], builder: SectionBuilder): void {
  for (const { cell, text } of notes) {
    const line = text.replace(/\s+/g, ' ').trim()
    if (line === '') continue
    if (isProse(line)) builder.paragraph(line)
    else builder.paragraph(`${cell}: ${line}`, { kind: 'aside' })
  }
}

/** The notes on the cells of a sheet, and the comments of reviewers, which are threads (since Excel 2019). */
export function readCellNotes(
  entries: Entries,
  sheet: string,
): { readonly notes: CellNote[]; readonly remarks: Remark[] } {
  const parts = [...readRelations(entries, sheet).values()].filter((part) => entries.has(part))
  const threads = parts.filter((part) => /\/threadedcomments?\//i.test(part))
  const remarks = threads.flatMap((part) => readThreads(entries, part))
  const notes = parts
    .filter((part) => !threads.includes(part) && /\/comments[^/]*\.xml$/i.test(part))
    .flatMap((part) => readNotes(entries.get(part)))
  // For older programs each thread is a note as well.
  const own =
    threads.length === 0 ? notes : notes.filter(({ text }) => !text.startsWith('[Threaded comment]'))
  return { notes: own, remarks }
}

/** SpreadsheetML, ECMA-376, 18.7. */
function readNotes(bytes: Buffer | undefined): CellNote[] {
  const notes: CellNote[] = []
  const authors: string[] = []
  let author = 0
  let cell = ''
  let text = ''
  readXml(bytes, {
    open: (name, { ref = '', authorId = '' }) => {
      if (name === 'comment') [cell, author, text] = [ref, Number(authorId), '']
      else if (name === 'author') text = ''
    },
    text: (data) => (text += data),
    close: (name) => {
      if (name === 'author') authors.push(text.trim())
      else if (name === 'comment') notes.push({ cell, text: withoutAuthor(text, authors[author] ?? '') })
    },
  })
  return notes
}

/** Excel writes the name of the author above the text. */
function withoutAuthor(text: string, author: string): string {
  const trimmed = text.trim()
  return author !== '' && trimmed.startsWith(`${author}:`) ? trimmed.slice(author.length + 1) : trimmed
}

function readThreads(entries: Entries, part: string): Remark[] {
  const persons = new Map<string, string>()
  for (const [name, bytes] of entries) {
    if (!name.startsWith('xl/persons/')) continue
    readXml(bytes, { open: (_, { id = '', displayName = '' }) => void persons.set(id, displayName) })
  }
  const remarks: { author: string; text: string }[] = []
  let isText = false
  readXml(entries.get(part), {
    open: (name, { personId = '' }) => {
      if (name === 'threadedComment') remarks.push({ author: persons.get(personId) ?? '', text: '' })
      isText = name === 'text'
    },
    text: (data) => {
      const remark = remarks.at(-1)
      if (isText && remark !== undefined) remark.text += data
    },
    close: () => (isText = false),
  })
  return remarks
}
