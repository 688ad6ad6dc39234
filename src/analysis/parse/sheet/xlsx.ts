import { SectionBuilder, type SourceDocument } from '../document.ts'
import { TableReader, toTableLine } from './table-facts.ts'
import { readCore } from '../office/core-properties.ts'
import { openWorkbook, type Workbook } from './workbook.ts'
import { writeRemarks, type Remark } from '../office/remarks.ts'
import { openArchive } from '../office/zip.ts'
import { readCellNotes, writeNotes } from './cell-notes.ts'
import { readShapes, writeShapes } from './shapes.ts'

/**
 * Reads a workbook (xlsx, xlsm, xltx) as a person does: for each sheet its size, its columns with what is in them, its rows as
 * tables, the sentences in its cells and in the notes on them; the comments of reviewers at its end. Dates are in ISO 8601.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readXlsx(bytes: Uint8Array): Promise<SourceDocument> {
  const entries = await openArchive(bytes, (name) => /\.(xml|rels)$/i.test(name))
  const workbook = openWorkbook(entries)
  const builder = new SectionBuilder()
  const warnings: string[] = []
  const remarks: Remark[] = []
  for (const { name, part, isHidden } of workbook.sheets) {
    if (isHidden) warnings.push(`The sheet "${name}" is hidden in the workbook.`)
    if (part === null) warnings.push(`The sheet "${name}" has no cells, as a chart, and was left out.`)
    else {
      warnings.push(...readSheet(workbook, { name, part }, builder))
      const { notes, remarks: own } = readCellNotes(entries, part)
      writeNotes(notes, builder)
      writeShapes(readShapes(entries, part), builder)
      remarks.push(...own)
    }
  }
  warnings.push(...writeRemarks(remarks, builder))
  return { sections: builder.build(), pages: null, warnings, ...readCore(entries) }
}

function readSheet(
  { readRows }: Workbook,
  { name, part }: { readonly name: string; readonly part: string },
  builder: SectionBuilder,
): string[] {
  const table = new TableReader()
  const unknown = readRows(part, (cells) => table.add(cells, toTableLine(cells)))
  builder.heading(name)
  const warnings = table.end(builder, `The sheet "${name}"`)
  if (unknown === 0) return warnings
  const what = unknown === 1 ? '1 formula' : `${unknown} formulas`
  return [...warnings, `The sheet "${name}" has ${what} without a result: open and save it in a spreadsheet.`]
}
