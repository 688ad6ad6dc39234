import { MAX_COLUMNS, type Cell, type CellKind } from './table-facts.ts'
import { readDateCell } from './date-cell.ts'
import { toNumberFormat } from './number-format.ts'
import { formatNumber, kindOfFormat } from './cell-format.ts'
import { readXml } from '../office/xml-stream.ts'
import { readRelations } from '../office/xml.ts'
import { rejected, type Entries } from '../office/zip.ts'

interface Sheet {
  readonly name: string
  /** null: it has no cells, as a sheet that is a chart. */
  readonly part: string | null
  readonly isHidden: boolean
}

export interface Workbook {
  readonly sheets: readonly Sheet[]
  /**
   * Calls `onRow` for each row of a sheet that has cells; returns how many formulas have no result in the file, as programs
   * leave it that do not calculate.
   */
  readonly readRows: (part: string, onRow: (cells: readonly Cell[]) => void) => number
}

/**
 * Opens the parts of a workbook (SpreadsheetML, ECMA-376). Cells are read one after the other, so that an empty sheet with a
 * cell in its last corner costs no more than that cell.
 *
 * @throws TaskError `input_rejected` when a part is missing.
 */
export function openWorkbook(entries: Entries): Workbook {
  const main = [...readRelations(entries, '').values()].find(
    (part) => entries.has(part) && /workbook/i.test(part),
  )
  const part = main ?? 'xl/workbook.xml'
  if (!entries.has(part)) throw rejected(`it has no ${part}`)
  const relations = readRelations(entries, part)
  const sheets: Sheet[] = []
  let is1904 = false
  readXml(entries.get(part), {
    open: (name, attributes) => {
      if (name === 'workbookPr') is1904 = /^(1|true)$/.test(attributes['date1904'] ?? '')
      if (name === 'sheet') sheets.push(toSheet(attributes, relations, entries))
    },
  })
  if (sheets.length === 0) throw rejected('it is no workbook inside')
  const folder = part.slice(0, part.lastIndexOf('/') + 1)
  const values: CellValues = {
    texts: readTexts(entries.get(`${folder}sharedStrings.xml`)),
    formats: readFormats(entries.get(`${folder}styles.xml`)),
    calendar: is1904 ? 1904 : 1900,
  }
  return { sheets, readRows: (name, onRow) => readSheet(entries.get(name) as Buffer, values, onRow) }
}

function toSheet(
  attributes: Readonly<Record<string, string>>,
  relations: ReadonlyMap<string, string>,
  entries: Entries,
): Sheet {
  // Its prefix is what the file declares.
  const id = Object.keys(attributes).find((name) => name.endsWith(':id')) ?? ''
  const target = relations.get(attributes[id] ?? '')
  const isTable =
    target !== undefined && entries.has(target) && !/chartsheets|dialogsheets|macrosheets/i.test(target)
  const isHidden = /hidden/i.test(attributes['state'] ?? '')
  return { name: attributes['name'] ?? '', part: isTable ? target : null, isHidden }
}

interface CellValues {
  readonly texts: readonly string[]
  readonly formats: readonly CellFormat[]
  readonly calendar: 1900 | 1904
}

/** The texts that cells name by their number; without what says how they are pronounced. */
function readTexts(bytes: Buffer | undefined): string[] {
  const texts: string[] = []
  let isText = false
  let phonetic = 0
  let current = ''
  readXml(bytes, {
    open: (name) => {
      if (name === 'si') current = ''
      if (name === 'rPh') phonetic += 1
      isText = name === 't' && phonetic === 0
    },
    text: (data) => {
      if (isText) current += data
    },
    close: (name) => {
      if (name === 'si') texts.push(current)
      if (name === 'rPh') phonetic -= 1
      isText = false
    },
  })
  return texts
}

interface CellFormat {
  readonly kind: CellKind
  /** null: as it is. */
  readonly show: ((value: number) => string) | null
}

/** What the numbers of each style are, and how they are shown. */
function readFormats(bytes: Buffer | undefined): CellFormat[] {
  const codes = new Map<number, string>()
  const formats: CellFormat[] = []
  let isCell = false
  readXml(bytes, {
    open: (name, { numFmtId = '0', formatCode = '' }) => {
      if (name === 'numFmt') codes.set(Number(numFmtId), formatCode)
      else if (name === 'cellXfs') isCell = true
      else if (name === 'xf' && isCell) formats.push(toFormat(Number(numFmtId), codes))
    },
    close: (name) => {
      if (name === 'cellXfs') isCell = false
    },
  })
  return formats
}

function toFormat(id: number, codes: ReadonlyMap<number, string>): CellFormat {
  const code = codes.get(id)
  const kind = kindOfFormat(id, code)
  return { kind, show: kind === 'number' || kind === 'percent' ? toNumberFormat(id, code) : null }
}

interface OpenCell {
  readonly column: number
  readonly type: string
  readonly style: number
  /** Of `v`, and of `t` inside. */
  value: string
}

function readSheet(bytes: Buffer, values: CellValues, onRow: (cells: readonly Cell[]) => void): number {
  let cells: Cell[] = []
  let cell: OpenCell | null = null
  let isValue = false
  let isFormula = false
  let nextColumn = 0
  let unknown = 0
  readXml(bytes, {
    open: (name, attributes) => {
      if (name === 'row') {
        cells = []
        nextColumn = 0
      } else if (name === 'c') {
        const column = readColumn(attributes['r']) ?? nextColumn
        nextColumn = column + 1
        cell = { column, type: attributes['t'] ?? 'n', style: Number(attributes['s'] ?? 0), value: '' }
      }
      isValue = name === 'v' || name === 't'
      if (name === 'f' || name === 'c') isFormula = name === 'f'
    },
    text: (data) => {
      if (isValue && cell !== null) cell.value += data
    },
    close: (name) => {
      isValue = false
      if (name === 'c' && cell !== null) {
        const made = cell.column < MAX_COLUMNS ? toCell(cell, values) : null
        if (made !== null) cells.push(made)
        else if (isFormula && cell.type === 'n') unknown += 1
        cell = null
      } else if (name === 'row' && cells.length > 0) onRow(cells)
    },
  })
  return unknown
}

/** `B2` → 1; undefined where a cell names no place: it is the next one. */
function readColumn(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0]
  if (letters === undefined) return undefined
  let column = 0
  for (const letter of letters) column = column * 26 + letter.charCodeAt(0) - 64
  return column - 1
}

/** null: it is empty. */
function toCell(
  { column, type, style, value }: OpenCell,
  { texts, formats, calendar }: CellValues,
): Cell | null {
  const text = (type === 's' ? (texts[Number(value)] ?? '') : value).replace(/\s+/g, ' ').trim()
  if (text === '') return null
  const ofText = (kind: 'text' | 'boolean' | 'error', shown = text): Cell => ({
    column,
    text: shown,
    kind,
    value: null,
  })
  if (type === 's' || type === 'str' || type === 'inlineStr')
    return readDateCell(column, text) ?? ofText('text')
  if (type === 'b') return ofText('boolean', text === '0' ? 'false' : 'true')
  if (type === 'e') return ofText('error')
  if (type === 'd') return readDateCell(column, text) ?? ofText('text')
  const number = Number(text)
  if (Number.isNaN(number)) return ofText('text')
  const { kind, show } = formats[style] ?? { kind: 'number', show: null }
  return { column, text: show?.(number) ?? formatNumber(number, kind, calendar), kind, value: number }
}
