import readXlsxFile from 'read-excel-file/universal'
import { SectionBuilder, type SourceDocument } from '../document.ts'
import { openArchive, rejected } from './zip.ts'

/** Rows of one piece of a table. */
const ROWS_PER_TABLE = 40

/**
 * Reads a workbook (xlsx): a section for each sheet, its rows as tables, dates as ISO 8601.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readXlsx(bytes: Uint8Array): Promise<SourceDocument> {
  await openArchive(bytes)
  const copy = new Uint8Array(bytes)
  const sheets = await readXlsxFile(copy.buffer).catch((error: unknown) => {
    throw rejected('it is no workbook inside', error)
  })
  const builder = new SectionBuilder()
  for (const { sheet, data } of sheets) {
    builder.heading(sheet)
    const rows = data.filter((row) => row.some((cell) => cell !== null))
    for (let at = 0; at < rows.length; at += ROWS_PER_TABLE) {
      const lines = rows.slice(at, at + ROWS_PER_TABLE).map((row) => row.map(readText).join(' | '))
      builder.paragraph(lines.join('\n'), { kind: 'table' })
    }
  }
  return { title: null, sections: builder.build(), pages: null, warnings: [] }
}

function readText(cell: unknown): string {
  if (cell instanceof Date) return cell.toISOString().replace(/T00:00:00\.000Z$/, '')
  const isPlain = typeof cell === 'string' || typeof cell === 'number' || typeof cell === 'boolean'
  return isPlain ? String(cell).replace(/\s+/g, ' ').trim() : ''
}
