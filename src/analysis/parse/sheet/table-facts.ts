import type { SectionBuilder } from '../document.ts'

/** A cell of a table that holds something. */
export interface Cell {
  /** 0 for the first. */
  readonly column: number
  /** As a person reads it. */
  readonly text: string
  readonly kind: CellKind | 'text' | 'boolean' | 'error'
  /** The number of a number, a date or a time. */
  readonly value: number | null
}

/** How a number is shown. */
export type CellKind = 'number' | 'percent' | 'date' | 'time' | 'date-time'

/** Columns that a sheet may have: `XFD`. A cell behind them is left out. */
export const MAX_COLUMNS = 16_384
/** Columns that are described, and shown of a row. */
export const MAX_COLUMNS_SHOWN = 60
/** Rows that are shown; the columns are described over all of them. */
const MAX_ROWS_SHOWN = 2000
/** Rows of one piece of a table. */
const ROWS_PER_TABLE = 40
/** Titles that may stand above the names of columns. */
const MAX_TITLE_ROWS = 4
/** A text of a cell with as many words, or one with a full stop, is read as prose. */
const MIN_PROSE_WORDS = 8
const MIN_PROSE_WIDE_CHARS = 12
const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu

/** Collects the rows of a table, as a person would look at it. */
export class TableReader {
  readonly #columns: ColumnSummary[] = []
  readonly #lines: string[] = []
  readonly #prose: string[] = []
  #header: readonly Cell[] = []
  /** The first rows until the header is found: titles above it, at last perhaps itself. */
  #first: (readonly Cell[])[] | null = []
  #rows = 0

  /** @param line the row as it is shown */
  add(cells: readonly Cell[], line: string): void {
    if (cells.length === 0) return
    this.#rows += 1
    if (this.#first === null || !this.#takeFirstRow(cells, this.#first)) this.#count(cells)
    if (this.#lines.length < MAX_ROWS_SHOWN) this.#lines.push(line)
    for (const { kind, text } of cells) if (kind === 'text' && isProse(text)) this.#prose.push(text)
  }

  /**
   * Takes a title, or the names of the columns; false: it is neither, and the header is settled. A first row of nothing
   * but texts names the columns. Of one cell alone it may be a title: then so does a row of texts below, with something
   * else than texts under it.
   */
  #takeFirstRow(cells: readonly Cell[], first: (readonly Cell[])[]): boolean {
    const last = first.at(-1)
    const isBegun = last !== undefined && last.length > 1
    const isTitle = cells.length === 1 && first.length < MAX_TITLE_ROWS
    if (isBegun || cells.some(({ kind }) => kind !== 'text') || (!isTitle && cells.length === 1)) {
      this.#settleHeader(first, isBegun && standsAboveValues(last, cells))
      return false
    }
    first.push(cells)
    if (cells.length > 1 && first.length === 1) this.#settleHeader(first, true)
    return true
  }

  #settleHeader(first: readonly (readonly Cell[])[], isLast: boolean): void {
    this.#first = null
    this.#header = (isLast ? first.at(-1) : first[0]) ?? []
    if (!isLast) for (const cells of first.slice(1)) this.#count(cells)
  }

  #count(cells: readonly Cell[]): void {
    for (const cell of cells) (this.#columns[cell.column] ??= new ColumnSummary()).add(cell)
  }

  /** Writes its size, its columns, its rows and the sentences of its cells; returns warnings where rows or columns are left out. */
  end(builder: SectionBuilder, name: string): string[] {
    const [rows, lines] = [this.#rows, this.#lines]
    if (rows === 0) return []
    if (this.#first !== null) this.#settleHeader(this.#first, false)
    const facts = isChinese([...this.#header.map(({ text }) => text), ...lines]) ? CHINESE : ENGLISH
    for (const line of describeColumns(this.#columns, this.#header, { rows, facts }))
      builder.paragraph(line, { kind: 'fact' })
    for (let at = 0; at < lines.length; at += ROWS_PER_TABLE) {
      builder.paragraph(lines.slice(at, at + ROWS_PER_TABLE).join('\n'), { kind: 'table' })
    }
    for (const text of this.#prose) builder.paragraph(text)
    const width = countColumns(this.#columns, this.#header)
    return [
      ...(rows > lines.length ? [`${name} has ${rows} rows; the first ${lines.length} are shown.`] : []),
      ...(width > MAX_COLUMNS_SHOWN
        ? [`${name} has ${width} columns; the first ${MAX_COLUMNS_SHOWN} are shown.`]
        : []),
    ]
  }
}

/** Whether a row has something else than a text under one of these names. */
function standsAboveValues(names: readonly Cell[], row: readonly Cell[]): boolean {
  const columns = new Set(names.map(({ column }) => column))
  return row.some(({ column, kind }) => kind !== 'text' && columns.has(column))
}

/** The size of a table, and a line for each of its columns. */
function describeColumns(
  columns: readonly ColumnSummary[],
  header: readonly Cell[],
  { rows, facts }: { readonly rows: number; readonly facts: FactWords },
): string[] {
  const names = new Map(header.map(({ column, text }) => [column, text]))
  const used = [...columns.entries()].filter(([, summary]) => summary !== undefined)
  const lines = used.map(([column, summary]) =>
    facts.column(names.get(column) ?? toLetters(column), summary.describe(facts)),
  )
  return [facts.size(rows, countColumns(columns, header)), ...lines.slice(0, MAX_COLUMNS_SHOWN)]
}

/** Columns that hold something, or have a name. */
function countColumns(columns: readonly ColumnSummary[], header: readonly Cell[]): number {
  const used = [...columns.entries()].filter(([, summary]) => summary !== undefined)
  return new Set([...used.map(([column]) => column), ...header.map(({ column }) => column)]).size
}

/** A text of a cell may have its own full stop. */
function endSentence(text: string, stop: string): string {
  return /[.!?。！？]$/.test(text) ? text : `${text}${stop}`
}

/** Whether most letters of a table are Chinese. */
function isChinese(texts: readonly string[]): boolean {
  const sample = texts.join(' ').slice(0, MAX_SAMPLE_CHARS)
  const letters = sample.match(/\p{L}/gu)?.length ?? 0
  return (
    (sample.match(/\p{Script=Han}/gu)?.length ?? 0) > letters / 2 &&
    !/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(sample)
  )
}
const MAX_SAMPLE_CHARS = 5000

/** How a table is described. */
interface FactWords {
  readonly size: (rows: number, columns: number) => string
  readonly column: (name: string, description: string) => string
  readonly count: (count: number, kind: Cell['kind']) => string
  readonly range: (least: string, most: string) => string
  readonly and: string
  /** Between the texts of a column. */
  readonly or: string
}

const ENGLISH: FactWords = {
  size: (rows, columns) =>
    `${rows} ${rows === 1 ? 'row' : 'rows'}, ${columns} ${columns === 1 ? 'column' : 'columns'}.`,
  column: (name, description) => `${name}: ${endSentence(description, '.')}`,
  count: (count, kind) => `${count} ${count === 1 ? PLURALS[kind].slice(0, -1) : PLURALS[kind]}`,
  range: (least, most) => `${least} to ${most}`,
  and: ', ',
  or: ', ',
}

const CHINESE: FactWords = {
  size: (rows, columns) => `共 ${rows} 行，${columns} 列。`,
  column: (name, description) => `${name}：${endSentence(description, '。')}`,
  count: (count, kind) => `${count} 个${CHINESE_KINDS[kind]}`,
  range: (least, most) => `${least} 至 ${most}`,
  and: '，',
  or: '、',
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
  describe({ count: counted, range, and, or }: FactWords): string {
    const [[kind, count] = ['text', 0] as const] = [...this.#counts].sort(([, a], [, b]) => b - a)
    if (this.#least !== null && this.#most !== null && kind !== 'text') {
      const [least, most] = [this.#least.text, this.#most.text]
      return `${counted(count, kind)}${and}${least === most ? least : range(least, most)}`
    }
    const few = this.#texts.size > 0 && this.#texts.size <= MAX_DIFFERENT && this.#texts.size < count
    return few ? [...this.#texts].join(or) : counted(count, kind)
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
const CHINESE_KINDS: Readonly<Record<Cell['kind'], string>> = {
  number: '数字',
  percent: '百分比',
  date: '日期',
  time: '时间',
  'date-time': '时间',
  text: '文本',
  boolean: '是非值',
  error: '错误',
}

/** `1` → `B`. */
export function toLetters(column: number): string {
  const rest = Math.floor(column / 26) - 1
  return (rest < 0 ? '' : toLetters(rest)) + String.fromCharCode(65 + (column % 26))
}

/** Whether a text of a cell is read as a sentence. */
export function isProse(text: string): boolean {
  if ((text.match(WIDE)?.length ?? 0) >= MIN_PROSE_WIDE_CHARS) return true
  const words = text.split(' ').length
  return words >= MIN_PROSE_WORDS || (words >= 4 && /[.!?]["”’)]?$/.test(text))
}

/** A row with its cells in their places; many empty ones in a row are one gap. */
export function toTableLine(cells: readonly Cell[]): string {
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
