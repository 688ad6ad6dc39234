import type { SectionBuilder } from '../document.ts'
import { readText, toRows } from './open-document.ts'
import { findFirst, listElements, type XmlElement } from '../office/xml.ts'

const TITLES = new Set(['chart:title', 'chart:subtitle'])

/** Writes the chart of an embedded object, its titles and its data; other objects are left out. */
export function writeChart(object: XmlElement, builder: SectionBuilder, page: number | null = null): void {
  const chart = findFirst(object, 'chart:chart')
  if (chart === undefined) return
  for (const title of listElements(chart, TITLES))
    builder.paragraph([...listElements(title, new Set(['text:p']))].map(readText).join(' '), {
      page,
      kind: 'caption',
    })
  const table = findFirst(chart, 'table:table')
  if (table !== undefined) builder.paragraph(toRows(table), { page, kind: 'table' })
}
