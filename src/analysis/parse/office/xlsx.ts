import { SectionBuilder, type SourceDocument } from '../document.ts'
import { TableReader, toTableLine } from '../table-facts.ts'
import { openWorkbook, type Workbook } from './workbook.ts'
import { openArchive } from './zip.ts'

/**
 * Reads a workbook (xlsx, xlsm, xltx) as a person does: for each sheet its size, its columns with what is in them, its rows as
 * tables, and the sentences that are in its cells. Dates are in ISO 8601.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readXlsx(bytes: Uint8Array): Promise<SourceDocument> {
  const entries = await openArchive(bytes, (name) => /\.(xml|rels)$/i.test(name))
  const workbook = openWorkbook(entries)
  const builder = new SectionBuilder()
  const warnings: string[] = []
  for (const { name, part } of workbook.sheets) {
    if (part === null) warnings.push(`The sheet "${name}" has no cells, as a chart, and was left out.`)
    else warnings.push(...readSheet(workbook, { name, part }, builder))
  }
  return { title: null, sections: builder.build(), pages: null, warnings }
}

function readSheet(
  { readRows }: Workbook,
  { name, part }: { readonly name: string; readonly part: string },
  builder: SectionBuilder,
): string[] {
  const table = new TableReader()
  readRows(part, (cells) => table.add(cells, toTableLine(cells)))
  builder.heading(name)
  return table.end(builder, `The sheet "${name}"`)
}
