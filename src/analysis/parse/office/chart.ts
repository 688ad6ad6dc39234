import type { SectionBuilder } from '../document.ts'
import { formatNumber, kindOfFormat } from '../sheet/cell-format.ts'
import { toNumberFormat } from '../sheet/number-format.ts'
import { linesIn } from './drawing.ts'
import { findFirst, listElements, type XmlElement } from './xml.ts'

const SERIES = new Set(['c:ser'])
const TITLES = new Set(['c:title'])
const VALUES = new Set(['c:v'])
const POINTS = new Set(['c:pt'])
const LEVELS = new Set(['c:lvl'])
/** The axes that have categories; others have values. */
const CATEGORY_AXES = new Set(['c:catAx', 'c:dateAx'])
const MAX_ROWS = 2000
/** A number of a format that is not declared. */
const GENERAL = 0

/**
 * Writes a chart (DrawingML, ECMA-376, 21.2): its titles, and its data, a row for each category, a column for each series, with
 * numbers and dates as the chart shows them.
 */
export function writeChart(chart: XmlElement, builder: SectionBuilder, page: number | null = null): void {
  const titles = [...listElements(chart, TITLES)].map((element) => ({
    axis: element.parentNode?.nodeName ?? '',
    text: readTitle(element),
  }))
  const corner = titles.find(({ axis }) => CATEGORY_AXES.has(axis))?.text ?? ''
  for (const { axis, text } of titles)
    if (!CATEGORY_AXES.has(axis)) builder.paragraph(text, { page, kind: 'caption' })
  builder.paragraph(toRows(chart, corner).join('\n'), { page, kind: 'table' })
}

/** As it was written, or as it comes from a cell. */
function readTitle(title: XmlElement): string {
  const lines = linesIn(title)
  return (lines.length > 0 ? lines : [...listElements(title, VALUES)].map((value) => value.textContent)).join(
    ' ',
  )
}

function toRows(chart: XmlElement, corner: string): string[] {
  const series = [...listElements(chart, SERIES)].map((each) => ({
    name: [...readPoints(findFirst(each, 'c:tx')).values()].join(' '),
    categories: readCategories(findFirst(each, 'c:cat') ?? findFirst(each, 'c:xVal')),
    values: readPoints(findFirst(each, 'c:val') ?? findFirst(each, 'c:yVal')),
  }))
  const categories = series.find((each) => each.categories.size > 0)?.categories
  const found = new Set(series.flatMap(({ values }) => [...values.keys()]))
  const rows = [...found]
    .toSorted((a, b) => a - b)
    .slice(0, MAX_ROWS)
    .map((at) => [categories?.get(at) ?? '', ...series.map(({ values }) => values.get(at) ?? '')])
  if (rows.length === 0) return []
  return [[corner, ...series.map(({ name }) => name)], ...rows].map((row) => row.join(' | '))
}

type Points = ReadonlyMap<number, string>

/** The values of a list by their numbers, as the chart keeps them beside the workbook that they are from; gaps are left out. */
function readPoints(list: XmlElement | undefined): Points {
  if (list === undefined) return new Map()
  const code = findFirst(list, 'c:formatCode')?.textContent ?? undefined
  const points = [...listElements(list, POINTS)]
  const found = points.length > 0 ? points : [...listElements(list, VALUES)]
  return new Map(
    found.map((point, index) => {
      const at = Number(point.getAttribute('idx') ?? index)
      return [at, show(point.textContent?.trim() ?? '', point.getAttribute('formatCode') ?? code)]
    }),
  )
}

/** Categories of several levels, such as years with their quarters, are put together, the outer ones first. */
function readCategories(list: XmlElement | undefined): Points {
  const levels = list === undefined ? [] : [...listElements(list, LEVELS)].map(readPoints)
  const [inner, ...outer] = levels
  if (inner === undefined) return readPoints(list)
  const above = outer.toReversed().map(createLookup)
  const names = [...inner].map(([at, name]) => {
    const parts = [...above.map((lookUp) => lookUp(at)), name].filter((part) => part !== '')
    return [at, parts.join(', ')] as const
  })
  return new Map(names)
}

/** The name that stands at a number, or at the last one before it; asked in ascending order. */
function createLookup(level: Points): (at: number) => string {
  const entries = [...level]
  let next = 0
  let name = ''
  return (at) => {
    for (; next < entries.length && (entries[next]?.[0] ?? 0) <= at; next += 1)
      name = entries[next]?.[1] ?? ''
    return name
  }
}

function show(text: string, code: string | undefined): string {
  const value = Number(text)
  if (code === undefined || text === '' || Number.isNaN(value)) return text
  const kind = kindOfFormat(GENERAL, code)
  const format = kind === 'number' || kind === 'percent' ? toNumberFormat(GENERAL, code) : null
  return format?.(value) ?? formatNumber(value, kind, 1900)
}
