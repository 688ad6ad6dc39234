import { SectionBuilder, type SourceDocument } from '../document.ts'
import {
  MAX_COLUMNS,
  MAX_COLUMNS_SHOWN,
  TableReader,
  toLetters,
  toTableLine,
  type Cell,
} from './table-facts.ts'
import { CONTENT, openDocument } from '../open-document/open-document.ts'
import { readXml } from '../office/xml-stream.ts'
import { rejected } from '../office/zip.ts'
import { readDateCell, readDuration } from './date-cell.ts'
import { writeNotes, type CellNote } from './cell-notes.ts'
import { OdsShapes } from './ods-shapes.ts'
import { writeShapes } from './shapes.ts'

/** A row that is said to come again is written as often as this at most. */
const MAX_ROW_REPEATS = 1000
const MAX_ROWS = 1_048_576
const KINDS: Readonly<Record<string, Cell['kind']>> = {
  float: 'number',
  currency: 'number',
  percentage: 'percent',
  date: 'date',
  time: 'time',
  boolean: 'boolean',
}

/**
 * Reads an OpenDocument spreadsheet (ods) as a workbook is read: size, columns, rows, sentences and notes on
 * cells, and the texts of shapes of each sheet.
 *
 * @throws TaskError `input_too_large`, `input_rejected`, `encrypted_input`: see `openArchive`.
 */
export async function readOds(bytes: Uint8Array): Promise<SourceDocument> {
  const { entries, title, about } = await openDocument(bytes)
  const content = entries.get(CONTENT)
  if (content === undefined) throw rejected(`it has no ${CONTENT}`)
  const reader = new SheetReader()
  readXml(content, {
    open: (name, attributes) => reader.open(name, attributes),
    text: (text) => reader.text(text),
    close: (name) => reader.close(name),
  })
  return { title, ...reader.end(), pages: null, about }
}

type Attributes = Readonly<Record<string, string>>

class SheetReader {
  readonly #builder = new SectionBuilder()
  readonly #warnings: string[] = []
  #table: TableReader | null = null
  #name = ''
  #row: { readonly count: number; readonly cells: Cell[]; next: number } | null = null
  #cell: { readonly attributes: Attributes; readonly lines: string[] } | null = null
  #isText = false
  #annotations = 0
  #rows = 0
  #note = ''
  #isNote = false
  #notes: CellNote[] = []
  readonly #shapes = new OdsShapes()

  open(name: string, attributes: Attributes): void {
    if (this.#shapes.open(name)) return
    if (name === 'table') {
      this.#table = new TableReader()
      this.#name = attributes['table:name'] ?? ''
    } else if (name === 'table-row') {
      this.#row = {
        count: toRepeats(attributes['table:number-rows-repeated'], MAX_ROWS),
        cells: [],
        next: 0,
      }
    } else if (name === 'table-cell' || name === 'covered-table-cell') this.#cell = { attributes, lines: [] }
    else if (name === 'annotation') {
      this.#annotations += 1
      this.#note = ''
    } else if (name === 'p' && this.#annotations > 0) this.#isNote = true
    else if (name === 'p' && this.#cell !== null && this.#annotations === 0) {
      this.#isText = true
      this.#cell.lines.push('')
    } else if ((this.#isText || this.#isNote) && /^(s|tab|line-break)$/.test(name)) this.text(' ')
  }

  text(text: string): void {
    if (this.#shapes.text(text)) return
    if (this.#isNote) this.#note += text
    const lines = this.#cell?.lines
    if (this.#isText && this.#annotations === 0 && lines !== undefined) lines.push((lines.pop() ?? '') + text)
  }

  close(name: string): void {
    if (this.#shapes.close(name)) return
    if (name === 'p' && this.#annotations === 0) this.#isText = false
    else if (name === 'p') {
      this.#isNote = false
      this.#note += ' '
    } else if (name === 'annotation') this.#endNote()
    else if (name === 'table-cell' || name === 'covered-table-cell') this.#endCell()
    else if (name === 'table-row') this.#endRow()
    else if (name === 'table' && this.#table !== null) {
      this.#builder.heading(this.#name)
      this.#warnings.push(...this.#table.end(this.#builder, `The sheet "${this.#name}"`))
      writeNotes(this.#notes.splice(0), this.#builder)
      writeShapes(this.#shapes.take(), this.#builder)
      this.#table = null
      this.#rows = 0
    }
  }

  end(): Pick<SourceDocument, 'sections' | 'warnings'> {
    return { sections: this.#builder.build(), warnings: this.#warnings }
  }

  #endNote(): void {
    this.#annotations -= 1
    const cell = `${toLetters(this.#row?.next ?? 0)}${this.#rows + 1}`
    this.#notes.push({ cell, text: this.#note })
  }

  #endCell(): void {
    const [cell, row] = [this.#cell, this.#row]
    this.#cell = null
    if (cell === null || row === null) return
    const count = toRepeats(cell.attributes['table:number-columns-repeated'], MAX_COLUMNS)
    const text = cell.lines.join(' ').replace(/\s+/g, ' ').trim()
    const shown = text === '' ? 0 : Math.min(count, MAX_COLUMNS_SHOWN)
    const end = Math.min(row.next + shown, MAX_COLUMNS)
    for (let at = row.next; at < end; at += 1) row.cells.push(toCell(cell.attributes, text, at))
    row.next += count
  }

  #endRow(): void {
    const row = this.#row
    this.#row = null
    this.#rows += row?.count ?? 0
    if (row === null || row.cells.length === 0) return
    const line = toTableLine(row.cells)
    for (let at = 0; at < Math.min(row.count, MAX_ROW_REPEATS); at += 1) this.#table?.add(row.cells, line)
  }
}

function toRepeats(count = '1', most: number): number {
  return Math.min(Math.max(1, Number(count) || 1), most)
}

function toCell(attributes: Attributes, text: string, column: number): Cell {
  const kind = KINDS[attributes['office:value-type'] ?? ''] ?? 'text'
  const value = attributes['office:value']
  if (kind === 'date') {
    const cell = readDateCell(column, attributes['office:date-value'] ?? '')
    if (cell !== null) return cell
  }
  if (kind === 'time')
    return { column, text, kind, value: readDuration(attributes['office:time-value'] ?? '') }
  return { column, text, kind, value: kind === 'number' || kind === 'percent' ? Number(value) : null }
}
