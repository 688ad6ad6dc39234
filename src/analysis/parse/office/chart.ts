import type { SectionBuilder } from '../document.ts'
import { formatNumber, kindOfFormat } from '../sheet/cell-format.ts'
import { toNumberFormat } from '../sheet/number-format.ts'
import { linesIn } from './drawing.ts'
import { findFirst, listElements, type XmlElement } from './xml.ts'

const SERIES = new Set(['c:ser'])
const TITLES = new Set(['c:title', 'cx:title'])
const LABELS = new Set(['c:dLbl'])
/** What a label of a value is filled in with. */
const FIELD = /\[[^[\]]{1,40}\][;,\s]{0,10}/g
const VALUES = new Set(['c:v', 'cx:v'])
const POINTS = new Set(['c:pt', 'cx:pt'])
const LEVELS = new Set(['c:lvl', 'cx:lvl'])
/** Of the charts since Office 2016, such as waterfalls and treemaps. */
const DATA = new Set(['cx:data'])
const DIMENSIONS = new Set(['cx:numDim'])
/** The axes that have categories; others have values. */
const CATEGORY_AXES = new Set(['c:catAx', 'c:dateAx'])
const MAX_ROWS = 2000
/** A number of a format that is not declared. */
const GENERAL = 0

/**
 * Writes a chart (DrawingML, ECMA-376, 21.2; MS-ODRAWXML, 2.24): its titles, its labels in words of their own, and its data, a
 * row for each category, a column for each series, with numbers and dates as the chart shows them.
 */
export function writeChart(chart: XmlElement, builder: SectionBuilder, page: number | null = null): void {
  const titles = [...listElements(chart, TITLES)].map((element) => ({
    axis: element.parentNode?.nodeName ?? '',
    text: readTitle(element),
  }))
  const corner = titles.find(({ axis }) => CATEGORY_AXES.has(axis))?.text ?? ''
  for (const { axis, text } of titles)
    if (!CATEGORY_AXES.has(axis)) builder.paragraph(text, { page, kind: 'caption' })
  const labels = [...listElements(chart, LABELS)].flatMap(linesIn).map((line) => line.replace(FIELD, ''))
  for (const label of labels) if (/\p{L}/u.test(label)) builder.paragraph(label, { page, kind: 'caption' })
  builder.paragraph(toRows(chart, corner).join('\n'), { page, kind: 'table' })
  for (const data of listElements(chart, DATA))
    builder.paragraph(toRowsOfData(data).join('\n'), { page, kind: 'table' })
}

function toRowsOfData(data: XmlElement): string[] {
  const categories = readCategories(findFirst(data, 'cx:strDim'))
  const columns = [...listElements(data, DIMENSIONS)].map((dimension) => readPoints(dimension))
  const found = new Set([...categories.keys(), ...columns.flatMap((column) => [...column.keys()])])
  return [...found]
    .toSorted((a, b) => a - b)
    .slice(0, MAX_ROWS)
    .map((at) => [categories.get(at) ?? '', ...columns.map((column) => column.get(at) ?? '')].join(' | '))
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
