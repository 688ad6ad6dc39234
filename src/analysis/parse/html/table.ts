import type { PageElement } from './page.ts'

/** A cell with more text than this holds prose: the table only puts it in its place. */
const MAX_CELL_CHARS = 400

/** Whether a table holds data: rows of several short cells, and no table in them. */
export function isDataTable(table: PageElement): boolean {
  if (table.querySelector('table') !== null) return false
  let widest = 0
  for (const row of table.querySelectorAll('tr')) {
    const cells = [...row.children]
    widest = Math.max(widest, cells.length)
    if (cells.some((cell) => (cell.textContent?.length ?? 0) > MAX_CELL_CHARS)) return false
  }
  return widest > 1
}

/** A line for each row, its cells apart by ` | `; the caption first. */
export function toRows(table: PageElement, textOf: (cell: PageElement) => string): string {
  const caption = table.querySelector('caption')
  const lines = caption === null ? [] : [textOf(caption)]
  for (const row of table.querySelectorAll('tr')) {
    const cells = [...row.children].map(textOf)
    if (cells.some((cell) => cell !== '')) lines.push(cells.join(' | '))
  }
  return lines.join('\n')
}
