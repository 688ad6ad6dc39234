import { SectionBuilder, type SourceDocument } from '../document.ts'
import { readDateCell } from '../sheet/date-cell.ts'
import { MAX_COLUMNS_SHOWN, TableReader, type Cell } from '../sheet/table-facts.ts'

const DELIMITERS = ['\t', ';', ','] as const
/** A text is a table when as many first lines have the same number of columns. */
const LOOKED_AT = 20
const MAX_LOOKED_AT = 64 * 1024
const MIN_ROWS = 3
const NUMBER = /^[+-]?(?:\d{1,15}|\d{1,3}(?:,\d{3})+)(?:\.\d{1,15})?$/
/** As the continent of Europe writes it, where values are apart by semicolons. */
const NUMBER_WITH_COMMA = /^[+-]?(?:\d{1,15}|\d{1,3}(?:\.\d{3})+)(?:,\d{1,15})?$/
/** A currency before or behind an amount, or a percent sign. */
const UNIT =
  /^([+-]?)(?:[$€£¥]\s?|(?:USD|EUR|GBP|CHF|CNY|JPY)\s)?(\d[\d.,]{0,30})(?:\s?(%|[€£¥])|\s(?:USD|EUR|GBP|CHF|CNY|JPY))?$/

/** Reads values separated by commas, semicolons or tabs (RFC 4180); null where a text is no such table. */
export function readDelimited(text: string): SourceDocument | null {
  const delimiter = DELIMITERS.find((each) => isTable(text.slice(0, MAX_LOOKED_AT), each))
  if (delimiter === undefined) return null
  const table = new TableReader()
  for (const values of splitRows(text, delimiter)) {
    const cells = values.flatMap((value, column) => toCell(value, column, delimiter) ?? [])
    table.add(cells, values.slice(0, MAX_COLUMNS_SHOWN).join(' | '))
  }
  const builder = new SectionBuilder()
  const warnings = table.end(builder, 'The table')
  return { title: null, sections: builder.build(), pages: null, warnings }
}

/** Whether the first rows have the same number of values, two at least; sentences have commas too, and not as many in each line. */
function isTable(text: string, delimiter: string): boolean {
  const rows: number[] = []
  let least = Infinity
  for (const values of splitRows(text, delimiter)) {
    if (values.length === 1 && values[0] === '') continue
    rows.push(values.length)
    least = Math.min(least, values.length)
    // Values are short, and do not continue after a comma as a sentence does.
    if (delimiter === ',' && values.slice(1).every((value) => /^\s/.test(value))) return false
    if (rows.length === LOOKED_AT) break
  }
  return rows.length >= MIN_ROWS && least >= 2 && rows.every((count) => count === least)
}

/** The rows of a table; a value in quotation marks may hold the delimiter, line ends, and quotation marks twice. */
function* splitRows(text: string, delimiter: string): Generator<string[]> {
  let values: string[] = []
  let value = ''
  let isQuoted = false
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at)
    if (isQuoted) {
      if (char !== '"') value += char
      else if (text[at + 1] === '"') {
        value += '"'
        at += 1
      } else isQuoted = false
    } else if (char === '"' && value.trim() === '') {
      value = ''
      isQuoted = true
    } else if (char === delimiter || char === '\n') {
      values.push(value.replace(/\n/g, ' '))
      value = ''
      if (char === delimiter) continue
      yield values
      values = []
    } else value += char
  }
  if (value !== '' || values.length > 0) yield [...values, value.replace(/\n/g, ' ')]
}

function toCell(value: string, column: number, delimiter: string): Cell | null {
  const text = value.replace(/\s+/g, ' ').trim()
  if (text === '') return null
  const date = readDateCell(column, text)
  if (date !== null) return date
  const unit = UNIT.exec(text)
  const number = readNumber(unit === null ? text : `${unit[1] ?? ''}${unit[2] ?? ''}`, delimiter)
  if (number === null) return { column, text, kind: 'text', value: null }
  return { column, text, kind: unit?.[3] === '%' ? 'percent' : 'number', value: number }
}

function readNumber(text: string, delimiter: string): number | null {
  if (NUMBER.test(text)) return Number(text.replaceAll(',', ''))
  if (delimiter !== ';' || !NUMBER_WITH_COMMA.test(text)) return null
  return Number(text.replaceAll('.', '').replace(',', '.'))
}
