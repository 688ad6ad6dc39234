import { SectionBuilder, type SourceDocument } from '../document.ts'
import { openWorkbook, type Cell, type Workbook } from './workbook.ts'
import { openArchive } from './zip.ts'

/** Rows of one piece of a table. */
const ROWS_PER_TABLE = 40
/** Rows of a sheet that are shown; the columns are described over all of them. */
const MAX_ROWS_SHOWN = 2000
/** Columns of a row that are shown. */
const MAX_COLUMNS_SHOWN = 60
/** A text of a cell with as many words, or one with a full stop, is read as prose. */
const MIN_PROSE_WORDS = 8
const MIN_PROSE_WIDE_CHARS = 12
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu

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
  const columns: ColumnSummary[] = []
  const lines: string[] = []
  const prose: string[] = []
  let header: readonly Cell[] | null = null
  let rows = 0
  readRows(part, (_row, cells) => {
    rows += 1
    // A first row of nothing but texts names the columns.
    if (rows === 1 && cells.every(({ kind }) => kind === 'text')) header = cells
    else for (const cell of cells) (columns[cell.column] ??= new ColumnSummary()).add(cell)
    if (lines.length < MAX_ROWS_SHOWN) lines.push(toLine(cells))
    for (const { kind, text } of cells) if (kind === 'text' && isProse(text)) prose.push(text)
  })
  builder.heading(name)
  if (rows === 0) return []
  for (const line of describe(columns, header ?? [], rows)) builder.paragraph(line, { kind: 'fact' })
  for (let at = 0; at < lines.length; at += ROWS_PER_TABLE) {
    builder.paragraph(lines.slice(at, at + ROWS_PER_TABLE).join('\n'), { kind: 'table' })
  }
  for (const text of prose) builder.paragraph(text)
  return rows > lines.length
    ? [`The sheet "${name}" has ${rows} rows; the first ${lines.length} are shown.`]
    : []
}

/** The size of a sheet, and a line for each of its columns. */
function describe(columns: readonly ColumnSummary[], header: readonly Cell[], rows: number): string[] {
  const names = new Map(header.map(({ column, text }) => [column, text]))
  const used = [...columns.entries()].filter(([, summary]) => summary !== undefined)
  const width = new Set([...used.map(([column]) => column), ...names.keys()]).size
  const size = `${rows} ${rows === 1 ? 'row' : 'rows'}, ${width} ${width === 1 ? 'column' : 'columns'}.`
  const lines = used.map(
    ([column, summary]) => `${names.get(column) ?? letterOf(column)}: ${summary.describe()}.`,
  )
  return [size, ...lines.slice(0, MAX_COLUMNS_SHOWN)]
}

/** What is in a column. */
class ColumnSummary {
  readonly #counts = new Map<Cell['kind'], number>()
  readonly #texts = new Set<string>()
  #least: Cell | null = null
  #most: Cell | null = null

  add(cell: Cell): void {
    this.#counts.set(cell.kind, (this.#counts.get(cell.kind) ?? 0) + 1)
    if (cell.kind === 'text' && this.#texts.size <= MAX_DIFFERENT) this.#texts.add(cell.text.slice(0, 60))
    if (cell.value === null) return
    if (this.#least?.value == null || cell.value < this.#least.value) this.#least = cell
    if (this.#most?.value == null || cell.value > this.#most.value) this.#most = cell
  }

  /** The kind that most cells have, and its range or its values. */
  describe(): string {
    const [[kind, count] = ['text', 0] as const] = [...this.#counts].sort(([, a], [, b]) => b - a)
    if (this.#least !== null && this.#most !== null && kind !== 'text') {
      const range =
        this.#least.text === this.#most.text ? this.#least.text : `${this.#least.text} to ${this.#most.text}`
      return `${count} ${count === 1 ? PLURALS[kind].slice(0, -1) : PLURALS[kind]}, ${range}`
    }
    const few = this.#texts.size > 0 && this.#texts.size <= MAX_DIFFERENT && this.#texts.size < count
    return few
      ? [...this.#texts].join(', ')
      : `${count} ${count === 1 ? PLURALS[kind].slice(0, -1) : PLURALS[kind]}`
  }
}

/** A column with as few different texts has them listed. */
const MAX_DIFFERENT = 6
const PLURALS: Readonly<Record<Cell['kind'], string>> = {
  number: 'numbers',
  percent: 'percentages',
  date: 'dates',
  time: 'times',
  'date-time': 'times',
  text: 'texts',
  boolean: 'yes/no values',
  error: 'errors',
}

/** A row with its cells in their places; many empty ones in a row are one gap. */
function toLine(cells: readonly Cell[]): string {
  const shown: string[] = []
  let next = 0
  for (const { column, text } of cells.slice(0, MAX_COLUMNS_SHOWN)) {
    for (let gap = Math.min(column - next, MAX_GAP); gap > 0; gap -= 1) shown.push('')
    shown.push(text)
    next = column + 1
  }
  return shown.join(' | ')
}
const MAX_GAP = 10

function letterOf(column: number): string {
  const rest = Math.floor(column / 26) - 1
  return (rest < 0 ? '' : letterOf(rest)) + String.fromCharCode(65 + (column % 26))
}

function isProse(text: string): boolean {
  if ((text.match(WIDE)?.length ?? 0) >= MIN_PROSE_WIDE_CHARS) return true
  const words = text.split(' ').length
  return words >= MIN_PROSE_WORDS || (words >= 4 && /[.!?]["”’)]?$/.test(text))
}
